# ruff: noqa: S608 - these are composed of constants below only
"""Every SQL statement of the jobs, in one place.

All deadlines come from the database's clock. A change and its event are one statement, so neither
can be without the other. A write of an attempt carries `FENCE`; no row back means the lease is lost.
"""

from sqlalchemy import TextClause, text

from flask_scale.prepared import PreparedStatement

#: PostgreSQL's types of the parameters of what is prepared.
TYPES = {
    **dict.fromkeys(("id", "token"), "uuid"),
    **dict.fromkeys(("task", "queue", "owner", "unique_key", "worker", "args", "result", "detail"), "text"),
    **dict.fromkeys(("timeout_seconds", "run_in", "lease"), "float8"),
    "tasks": "text[]",
    "max_attempts": "int",
    "run_at": "timestamptz",
    "dispatched": "bool",
}

#: What `Job.of` reads.
COLUMNS = (
    "id, task, queue, owner, unique_key, args, state, attempt, max_attempts, timeout_seconds, progress, checkpoint, "
    "result, error, cancel_requested, version, created_at, run_at, started_at, finished_at"
)

#: What a claim gives.
CLAIMED = f"{COLUMNS}, lease_token"

#: Only the attempt that holds the lease may write.
FENCE = "id = :id AND lease_token = :token AND state = 'running'"

#: What every change that ends an attempt does to the row.
_UNLEASED = "lease_token = NULL, lease_until = NULL, version = version + 1"

#: The lease from now on, `:lease` in seconds.
_LEASE = "clock_timestamp() + make_interval(secs => :lease)"

_DUE = "state = 'queued' AND run_at <= now()"


def _logged(change: str, event: str, *, columns: str = COLUMNS, prelude: str = "") -> TextClause:
    """`change` and its event in one statement; `event` is an SQL expression over the changed row."""
    return text(
        f"WITH {prelude} job AS ({change} RETURNING {columns}, worker), "
        "logged AS (INSERT INTO job_events (job_id, event, attempt, worker, detail) "
        f"SELECT id, {event}, attempt, worker, CAST(:detail AS json) FROM job) SELECT * FROM job"
    )


_NEW = """INSERT INTO jobs
    (id, task, queue, owner, unique_key, args, max_attempts, timeout_seconds, run_at, dispatched_at)"""

_VALUES = """:id, :task, :queue, :owner, :unique_key, CAST(:args AS json), :max_attempts, :timeout_seconds,
    coalesce(CAST(:run_at AS timestamptz), now() + make_interval(secs => :run_in)),
    CASE WHEN :dispatched THEN now() END"""

#: The index of unique keys, as ON CONFLICT names it.
_UNIQUE = "(task, coalesce(owner, ''), unique_key) WHERE unique_key IS NOT NULL AND state IN ('queued', 'running')"

INSERT = _logged(f"{_NEW} VALUES ({_VALUES})", "'enqueued'")

#: No row where an unfinished job has the key: no error, which would end the caller's transaction.
INSERT_UNIQUE = _logged(f"{_NEW} VALUES ({_VALUES}) ON CONFLICT {_UNIQUE} DO NOTHING", "'enqueued'")

_HAS_KEY = """task = :task AND coalesce(owner, '') = coalesce(:owner, '') AND unique_key = :unique_key
    AND state IN ('queued', 'running')"""

FIND_UNIQUE = text(f"SELECT {COLUMNS} FROM jobs WHERE {_HAS_KEY}")

GET = text(f"SELECT {COLUMNS} FROM jobs WHERE id = :id AND (:owner IS NULL OR owner = :owner)")

LIST = text(
    f"""SELECT {COLUMNS} FROM jobs
    WHERE (:owner IS NULL OR owner = :owner) AND (:state IS NULL OR state = :state)
      AND (:task IS NULL OR task = :task)
      AND (CAST(:before_at AS timestamptz) IS NULL
           OR (created_at, id) < (CAST(:before_at AS timestamptz), CAST(:before_id AS uuid)))
    ORDER BY created_at DESC, id DESC LIMIT :limit"""
)

EVENTS = text("SELECT event, attempt, worker, detail, at FROM job_events WHERE job_id = :id ORDER BY id")

CANCEL = _logged(
    """UPDATE jobs SET cancel_requested = true, version = version + 1,
        state = CASE state WHEN 'queued' THEN 'cancelled' ELSE state END,
        finished_at = CASE state WHEN 'queued' THEN now() END
    WHERE id = :id AND (:owner IS NULL OR owner = :owner) AND (:state IS NULL OR state = :state)
      AND (state = 'queued' OR state = 'running' AND NOT cancel_requested)""",
    "CASE state WHEN 'cancelled' THEN 'cancelled' ELSE 'cancel_requested' END",
)

REQUEUE = _logged(
    """UPDATE jobs SET state = 'queued', attempt = 0, cancel_requested = false, run_at = now(), error = NULL,
        started_at = NULL, finished_at = NULL, worker = NULL, version = version + 1,
        dispatched_at = CASE WHEN :dispatched THEN now() END
    WHERE id = :id AND state IN ('dead', 'cancelled')""",
    "'requeued'",
)

# An attempt.

_CLAIMABLE = "id = :id AND task = ANY(:tasks) AND state = 'queued' AND run_at <= clock_timestamp()"

_BEGIN = f"""UPDATE jobs SET state = 'running', attempt = attempt + 1, lease_token = gen_random_uuid(),
        lease_until = {_LEASE}, started_at = coalesce(started_at, now()), worker = :worker, version = version + 1"""

_CLAIM = f"{_BEGIN} WHERE {_CLAIMABLE}"

CLAIM = _logged(_CLAIM, "'claimed'", columns=CLAIMED)

#: The longest due of a queue's jobs that nobody else is about to claim.
_NEXT = f"""id = (SELECT id FROM jobs WHERE {_DUE} AND queue = :queue AND task = ANY(:tasks)
        ORDER BY run_at LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED) AND state = 'queued'"""

CLAIM_NEXT = _logged(f"{_BEGIN} WHERE {_NEXT}", "'claimed'", columns=CLAIMED)

#: Jobs that could be claimed now.
DUE = text(
    f"""SELECT id, queue, timeout_seconds FROM jobs WHERE {_DUE} AND queue = :queue AND task = ANY(:tasks)
    ORDER BY run_at LIMIT :limit"""
)

# A claim of a task with a limit: the row, then the task's turn, then the count, each a statement that sees what others
# committed before it. In this order, so that no one who waits for a row has the turn.

LOCK_CLAIMABLE = text(f"SELECT task FROM jobs WHERE {_CLAIMABLE} FOR NO KEY UPDATE SKIP LOCKED")

#: Held until the transaction ends.
TAKE_TURN = text("SELECT pg_advisory_xact_lock(hashtextextended('flask_scale task ' || :task, 0))")

_RUNNING = "(SELECT count(*) FROM jobs AS other WHERE other.task = :task AND other.state = 'running')"

CLAIM_SLOT = _logged(f"{_CLAIM} AND {_RUNNING} < :max_running", "'claimed'", columns=CLAIMED)

RENEW = text(f"UPDATE jobs SET lease_until = {_LEASE} WHERE {FENCE} RETURNING cancel_requested")

HOLD = text(f"SELECT cancel_requested FROM jobs WHERE {FENCE} FOR NO KEY UPDATE")

SAVE = text(
    f"""UPDATE jobs SET lease_until = {_LEASE}, version = version + 1,
        checkpoint = CASE WHEN :has_checkpoint THEN CAST(:checkpoint AS json) ELSE checkpoint END,
        progress = coalesce(CAST(:progress AS json), progress)
    WHERE {FENCE} RETURNING cancel_requested"""
)

_SUCCEED = f"""UPDATE jobs SET state = 'succeeded', result = CAST(:result AS json), error = NULL, finished_at = now(),
        {_UNLEASED}
    WHERE {FENCE}"""

SUCCEED = _logged(_SUCCEED, "'succeeded'")

#: Both in one transaction, and in one round trip: how the one ended, and the other if there is any. Where the lease is
#: lost, the next is claimed all the same. The one that ends is locked first: whoever changes both, in the order in
#: which they came, is not in the way of it.
SUCCEED_AND_CLAIM_NEXT = text(
    f"""WITH ended AS ({_SUCCEED} RETURNING id, attempt, worker),
    next AS ({_BEGIN} WHERE (SELECT count(*) FROM ended) >= 0 AND {_NEXT} RETURNING {CLAIMED}, worker),
    logged AS (INSERT INTO job_events (job_id, event, attempt, worker)
        SELECT id, 'succeeded', attempt, worker FROM ended UNION ALL SELECT id, 'claimed', attempt, worker FROM next)
    SELECT EXISTS (SELECT FROM ended) AS ended, next.* FROM (SELECT) AS once LEFT JOIN next ON true"""
)

#: Retried after a wait with full jitter, or at its end: cancelled when someone asked for it, else dead.
FAIL = _logged(
    f"""UPDATE jobs SET error = CAST(:error AS json), dispatched_at = NULL, {_UNLEASED},
        state = CASE WHEN cancel_requested THEN 'cancelled'
                     WHEN :permanent OR attempt >= max_attempts THEN 'dead' ELSE 'queued' END,
        finished_at = CASE WHEN cancel_requested OR :permanent OR attempt >= max_attempts THEN now() END,
        run_at = CASE WHEN cancel_requested OR :permanent OR attempt >= max_attempts THEN run_at
                      ELSE clock_timestamp()
                           + make_interval(secs => random() * least(:cap, :base * power(2, least(attempt, 60)))) END
    WHERE {FENCE}""",
    "CASE state WHEN 'queued' THEN 'retried' ELSE state END",
)

STOP = _logged(
    f"UPDATE jobs SET state = 'cancelled', finished_at = now(), {_UNLEASED} WHERE {FENCE}",
    "'cancelled'",
)

#: Given back unharmed, so the attempt does not count.
RELEASE = _logged(
    f"""UPDATE jobs SET state = 'queued', attempt = attempt - 1, run_at = now(), dispatched_at = NULL, {_UNLEASED}
    WHERE {FENCE}""",
    "'released'",
)

# The reconciler. Each takes its batch with SKIP LOCKED and checks the predicate again inside the UPDATE.

EXPIRE = _logged(
    f"""UPDATE jobs SET dispatched_at = NULL, {_UNLEASED},
        state = CASE WHEN cancel_requested THEN 'cancelled' WHEN attempt >= max_attempts THEN 'dead' ELSE 'queued' END,
        run_at = CASE WHEN cancel_requested OR attempt >= max_attempts THEN run_at ELSE now() END,
        finished_at = CASE WHEN cancel_requested OR attempt >= max_attempts THEN now() END,
        error = CASE WHEN cancel_requested OR attempt < max_attempts THEN error ELSE json_build_object(
            'type', 'WorkerLost', 'traceback', '',
            'message', format('worker lost: %s stopped answering in attempt %s: the job crashed its process, '
                'was killed for its time or memory, or the machine is gone', worker, attempt)) END
    FROM lost WHERE jobs.id = lost.lost_id AND state = 'running' AND lease_until < now()""",
    "CASE state WHEN 'queued' THEN 'lease_expired' ELSE state END",
    prelude="""lost AS (SELECT id AS lost_id FROM jobs WHERE state = 'running' AND lease_until < now()
    ORDER BY lease_until LIMIT :limit FOR UPDATE SKIP LOCKED),""",
)

TAKE_UNDISPATCHED = text(
    f"""WITH lost AS (SELECT id AS lost_id FROM jobs
        WHERE {_DUE} AND dispatched_at IS NULL AND task = ANY(:tasks)
        ORDER BY run_at LIMIT :limit FOR UPDATE SKIP LOCKED)
    UPDATE jobs SET dispatched_at = now() FROM lost
    WHERE id = lost_id AND {_DUE} AND dispatched_at IS NULL
    RETURNING id, queue, timeout_seconds"""
)

#: Due jobs of a task with a limit that nobody published, as many as there are slots that no other has. A hint in a
#: queue that is not one of these holds no slot: perhaps nobody reads it.
TAKE_WAITING = text(
    f"""WITH lost AS (SELECT id AS lost_id FROM jobs
        WHERE {_DUE} AND dispatched_at IS NULL AND task = :task AND queue = ANY(:queues)
        ORDER BY run_at LIMIT greatest(0, :max_running - {_RUNNING} - (SELECT count(*) FROM jobs
            WHERE {_DUE} AND dispatched_at IS NOT NULL AND task = :task AND queue = ANY(:queues)))
        FOR UPDATE SKIP LOCKED)
    UPDATE jobs SET dispatched_at = now() FROM lost
    WHERE id = lost_id AND {_DUE} AND dispatched_at IS NULL
    RETURNING id, queue, timeout_seconds"""
)

#: Due jobs of one queue whose hint is older than `:grace` seconds, the longest unheard first.
TAKE_OVERDUE = _logged(
    f"""UPDATE jobs SET dispatched_at = now() FROM lost
    WHERE id = lost_id AND {_DUE} AND dispatched_at < now() - make_interval(secs => :grace)""",
    "'republished'",
    columns="id, queue, timeout_seconds, attempt",
    prelude=f"""lost AS (SELECT id AS lost_id FROM jobs
        WHERE {_DUE} AND dispatched_at < now() - make_interval(secs => :grace)
          AND task = ANY(:tasks) AND queue = :queue
        ORDER BY dispatched_at LIMIT :limit FOR UPDATE SKIP LOCKED),""",
)

#: Queues that hold a job whose hint is older than `:grace` seconds, with all their due and dispatched jobs.
OVERDUE_QUEUES = text(
    f"""SELECT queue, count(*) AS due FROM jobs
    WHERE {_DUE} AND dispatched_at IS NOT NULL AND task = ANY(:tasks)
    GROUP BY queue HAVING min(dispatched_at) < now() - make_interval(secs => :grace)"""
)

UNDISPATCH = text("UPDATE jobs SET dispatched_at = NULL WHERE id = ANY(CAST(:ids AS uuid[])) AND state = 'queued'")

# Schedules.

#: With the time even where there are none.
SCHEDULES = text(
    """SELECT now() AS now, name, cron, time_zone, tick
    FROM (SELECT) AS once LEFT JOIN job_schedules ON name = ANY(:names)"""
)

NOTE_SCHEDULE = text(
    """INSERT INTO job_schedules AS old (name, cron, time_zone, tick) VALUES (:name, :cron, :time_zone, :tick)
    ON CONFLICT (name) DO UPDATE SET cron = excluded.cron, time_zone = excluded.time_zone,
        tick = greatest(old.tick, excluded.tick)"""
)

#: Whoever moves the row first makes the run: the others find that it has the tick.
START_PERIODIC = _logged(
    f"{_NEW} SELECT {_VALUES} FROM moved ON CONFLICT {_UNIQUE} DO NOTHING",
    "'enqueued'",
    prelude=f"""moved AS (UPDATE job_schedules SET cron = :cron, time_zone = :time_zone, tick = :tick
    WHERE name = :name AND tick < :tick AND NOT EXISTS (SELECT FROM jobs WHERE {_HAS_KEY}) RETURNING name),""",
)

SEE_WORKER = text(
    """INSERT INTO job_workers (name, tasks, queues) VALUES (:worker, :tasks, :queues)
    ON CONFLICT (name) DO UPDATE SET tasks = excluded.tasks, queues = excluded.queues, last_seen = now()"""
)

FORGET_WORKER = text("DELETE FROM job_workers WHERE name = :worker OR last_seen < now() - interval '1 day'")

#: Finished more than `:age` seconds ago.
_OLD = """finished_at < now() - make_interval(secs => :age)
    AND state IN ('succeeded', 'cancelled', 'dead') AND (CAST(:state AS text) IS NULL OR state = :state)"""

#: Their events go with them.
PURGE = text(
    f"""WITH old AS (SELECT id AS old_id FROM jobs
        WHERE {_OLD} ORDER BY finished_at LIMIT :limit FOR UPDATE SKIP LOCKED)
    DELETE FROM jobs USING old WHERE id = old_id AND {_OLD} RETURNING id"""
)

COUNT_FINISHED = text(f"SELECT count(*) AS found FROM jobs WHERE {_OLD}")

PURGE_KEYS = text(
    """DELETE FROM idempotency_keys WHERE (owner, key) IN (
        SELECT owner, key FROM idempotency_keys WHERE expires_at < now() LIMIT :limit FOR UPDATE SKIP LOCKED)
    RETURNING key"""
)

# What is going on.

QUEUE_STATS = text(
    f"""SELECT queue, count(*) AS depth, extract(epoch FROM now() - min(run_at))::float AS age
    FROM jobs WHERE {_DUE} GROUP BY queue ORDER BY queue"""
)

RUNNING = text("SELECT queue, count(*) AS running FROM jobs WHERE state = 'running' GROUP BY queue ORDER BY queue")

#: Due jobs by task where no worker seen within `:age` seconds has a handler.
UNHANDLED = text(
    f"""SELECT task, count(*) AS depth FROM jobs WHERE {_DUE} AND NOT EXISTS (
        SELECT FROM job_workers WHERE jobs.task = ANY(tasks) AND last_seen > now() - make_interval(secs => :age))
    GROUP BY task ORDER BY task"""
)

#: What each job asks once or more, where it is a transaction of its own.
PREPARED = {
    statement: PreparedStatement(statement, TYPES) for statement in (INSERT, CLAIM, CLAIM_NEXT, SUCCEED_AND_CLAIM_NEXT)
}
