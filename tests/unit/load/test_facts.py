"""Facts are read alike from psycopg2's rows and from what psql prints."""

from tests.load.facts import Facts, JobRow, KeyRow, Query, UserRow, psql_rows, read_facts, settle
from tests.load.history import History
from tests.unit.load.runs import RUN, event, job_id

HISTORY = History(RUN, [event("invoke", 0, "create_user", emails=("run-0@load.example.org",))])

PRINTED = {
    "FROM users": "7|run-0@load.example.org|O'Neil, Pat|IE|1\n8|run-1@load.example.org|Zoë|SE|2\n",
    "FROM job_events": f"{job_id(2)}|enqueued\n{job_id(3)}|enqueued\n{job_id(2)}|claimed\n",
    "FROM jobs LEFT": f"{job_id(2)}|succeeded|2|2|t\n{job_id(3)}|queued|||f",
    "SELECT key": f"run-0|201|7\nrun-2|202|{job_id(2)}\n",
}


def psql(statement: str) -> str:
    return next(text for part, text in PRINTED.items() if part in statement)


def test_what_psql_prints_is_read() -> None:
    assert read_facts(HISTORY, psql_rows(psql)) == Facts(
        users=[
            UserRow(7, "run-0@load.example.org", "O'Neil, Pat", "IE", 1),
            UserRow(8, "run-1@load.example.org", "Zoë", "SE", 2),
        ],
        keys=[KeyRow("run-0", 201, "7"), KeyRow("run-2", 202, job_id(2))],
        jobs=[JobRow(job_id(2), "succeeded", 2, 2, True), JobRow(job_id(3), "queued", None, None, False)],
        events={job_id(2): ["enqueued", "claimed"], job_id(3): ["enqueued"]},
    )


def test_an_empty_database_has_no_facts() -> None:
    assert read_facts(HISTORY, psql_rows(lambda _: "")) == Facts([], [], [], {})


def test_it_is_settled_once_no_job_waits_or_runs(monkeypatch) -> None:
    monkeypatch.setattr("tests.load.facts.LOOK_SECONDS", 0)
    counts = iter(["2", "1", "0"])
    assert settle(HISTORY, psql_rows(lambda _: next(counts)), seconds=60)
    assert next(counts, None) is None


def test_it_is_not_settled_where_the_time_is_over() -> None:
    query: Query = psql_rows(lambda _: "2")
    assert not settle(HISTORY, query, seconds=0)
