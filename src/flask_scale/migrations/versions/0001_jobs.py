"""Jobs, their events, Celery workers and idempotency keys."""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

UPGRADE = (
    """
    CREATE TABLE jobs (
        id uuid PRIMARY KEY,
        task text NOT NULL,
        queue text NOT NULL,
        owner text,
        args json NOT NULL,
        state text NOT NULL DEFAULT 'queued'
            CHECK (state IN ('queued', 'running', 'succeeded', 'cancelled', 'dead')),
        attempt integer NOT NULL DEFAULT 0,
        max_attempts integer NOT NULL CHECK (max_attempts > 0),
        timeout_seconds double precision NOT NULL CHECK (timeout_seconds > 0),
        lease_token uuid,
        lease_until timestamptz,
        worker text,
        run_at timestamptz NOT NULL,
        dispatched_at timestamptz,
        cancel_requested boolean NOT NULL DEFAULT false,
        progress json,
        checkpoint json,
        result json,
        error json,
        version bigint NOT NULL DEFAULT 1,
        created_at timestamptz NOT NULL DEFAULT now(),
        started_at timestamptz,
        finished_at timestamptz,
        CHECK ((state = 'running') = (lease_token IS NOT NULL)),
        CHECK ((state IN ('succeeded', 'cancelled', 'dead')) = (finished_at IS NOT NULL))
    )
    """,
    # Which jobs are due, by queue: the depth, the oldest age.
    "CREATE INDEX jobs_due ON jobs (queue, run_at) WHERE state = 'queued'",
    # The sweep's three questions: who was never told, who was told long ago, whose lease ran out.
    "CREATE INDEX jobs_undispatched ON jobs (run_at) WHERE state = 'queued' AND dispatched_at IS NULL",
    "CREATE INDEX jobs_dispatched ON jobs (dispatched_at) WHERE state = 'queued' AND dispatched_at IS NOT NULL",
    "CREATE INDEX jobs_lease ON jobs (lease_until) WHERE state = 'running'",
    # Listing, newest first: all, and one owner's.
    "CREATE INDEX jobs_created ON jobs (created_at, id)",
    "CREATE INDEX jobs_owner ON jobs (owner, created_at, id) WHERE owner IS NOT NULL",
    """
    CREATE TABLE job_events (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        job_id uuid NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
        event text NOT NULL,
        attempt integer NOT NULL,
        worker text,
        detail json,
        at timestamptz NOT NULL DEFAULT clock_timestamp()
    )
    """,
    "CREATE INDEX job_events_job ON job_events (job_id, id)",
    """
    CREATE TABLE job_workers (
        name text PRIMARY KEY,
        tasks text[] NOT NULL,
        queues text[] NOT NULL,
        last_seen timestamptz NOT NULL DEFAULT now()
    )
    """,
    """
    CREATE TABLE idempotency_keys (
        owner text NOT NULL,
        key text NOT NULL,
        fingerprint text NOT NULL,
        status integer NOT NULL,
        headers json NOT NULL,
        body text NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        expires_at timestamptz NOT NULL,
        PRIMARY KEY (owner, key)
    )
    """,
    "CREATE INDEX idempotency_keys_expires ON idempotency_keys (expires_at)",
)


def upgrade() -> None:
    """Create the tables."""
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    """Drop them, with every job in them."""
    op.execute("DROP TABLE idempotency_keys, job_workers, job_events, jobs")
