"""Finished jobs by age, jobs with a unique key, schedules."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

#: Each may be there from a run that gave up at an index.
TABLES = (
    "ALTER TABLE jobs ADD COLUMN IF NOT EXISTS unique_key text",
    """
    CREATE TABLE IF NOT EXISTS job_schedules (
        name text PRIMARY KEY,
        cron text NOT NULL,
        time_zone text NOT NULL,
        tick timestamptz NOT NULL
    )
    """,
)

INDEXES = {
    # What a purge deletes next.
    "jobs_finished": "CREATE INDEX CONCURRENTLY jobs_finished ON jobs (finished_at) WHERE finished_at IS NOT NULL",
    # One unfinished job for each task, owner and key.
    "jobs_unique": """CREATE UNIQUE INDEX CONCURRENTLY jobs_unique
        ON jobs (task, coalesce(owner, ''), unique_key)
        WHERE unique_key IS NOT NULL AND state IN ('queued', 'running')""",
    # How many slots of a task its hints hold.
    "jobs_hinted": """CREATE INDEX CONCURRENTLY jobs_hinted
        ON jobs (task) WHERE state = 'queued' AND dispatched_at IS NOT NULL""",
}


def upgrade() -> None:
    """Add them. Jobs are accepted and run meanwhile: the indexes are built without a lock that these wait for."""
    for statement in TABLES:
        op.execute(statement)
    with op.get_context().autocommit_block():
        # It waits for transactions that were open before it, and nobody waits for it.
        op.execute("SET lock_timeout = 0")
        for name, definition in INDEXES.items():
            # One that was not finished stays behind, and serves nobody.
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            op.execute(definition)
        op.execute("RESET lock_timeout")


def downgrade() -> None:
    """Drop them."""
    op.execute("DROP TABLE job_schedules")
    op.execute("DROP INDEX jobs_unique, jobs_finished, jobs_hinted")
    op.execute("ALTER TABLE jobs DROP COLUMN unique_key")
