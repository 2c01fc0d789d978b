import threading
import time
from itertools import chain
from uuid import uuid4

import pytest
from sqlalchemy import event

from flask_scale.state import state_of
from services.api.pagination import make_cursor
from services.domain import api_keys
from services.domain.tasks import export_users, import_users
from tests.support.directory import Directory, assert_problem


def enqueue(directory: Directory, task=export_users, **args) -> str:
    """The id of a new job of the directory's key."""
    with directory.app.app_context():
        owner = api_keys.check(directory.key).owner
        return task.enqueue(owner=owner, **args).id


def test_a_job_is_shown_to_its_owner(directory: Directory):
    job_id = enqueue(directory, country="DE")
    job = directory.get(f"/v1/jobs/{job_id}").get_json()
    assert (job["id"], job["task"], job["state"], job["attempt"]) == (job_id, "users.export", "queued", 0)
    assert "owner" not in job
    assert "checkpoint" not in job


def test_anothers_job_is_404_but_for_admin(directory: Directory):
    one, other, admin = (directory.with_scopes(scope) for scope in ("jobs", "jobs", "admin"))
    where = f"/v1/jobs/{enqueue(one)}"

    assert one.get(where).status_code == 200
    assert_problem(other.get(where), 404, "not-found")
    assert_problem(other.post(f"{where}/cancel"), 404, "not-found")
    assert other.get("/v1/jobs").get_json()["items"] == []
    assert admin.get(where).status_code == 200
    assert len(admin.get("/v1/jobs").get_json()["items"]) == 1


def test_jobs_are_listed_newest_first_in_pages(directory: Directory):
    mine = directory.with_scopes("jobs")
    ids = [enqueue(mine) for _ in range(5)]
    found, path = [], "/v1/jobs?limit=2&state=queued"
    while path:
        body = mine.get(path).get_json()
        found.append([job["id"] for job in body["items"]])
        path = body["next"] and f"/v1/jobs?limit=2&state=queued&cursor={body['next']}"
    assert list(chain(*found)) == ids[::-1]
    assert [len(page) for page in found] == [2, 2, 1]


def test_jobs_are_filtered_by_task_and_state(directory: Directory):
    exported, imported = enqueue(directory), enqueue(directory, import_users, file_id=uuid4())
    directory.post(f"/v1/jobs/{exported}/cancel")

    def listed(query: str) -> list[str]:
        return [job["id"] for job in directory.get(f"/v1/jobs?{query}").get_json()["items"]]

    assert listed("task=users.import") == [imported]
    assert listed("state=cancelled") == [exported]
    assert listed("task=users.import&state=cancelled") == []
    cursor = directory.get("/v1/jobs?limit=1").get_json()["next"]
    assert_problem(directory.get(f"/v1/jobs?cursor={cursor}&state=queued"), 400, "cursor")


def test_a_queued_job_is_cancelled_at_once_and_a_finished_one_is_409(directory: Directory):
    job_id = enqueue(directory)
    cancelled = directory.post(f"/v1/jobs/{job_id}/cancel", headers={"Idempotency-Key": "stop"})
    assert (cancelled.status_code, cancelled.get_json()["state"]) == (202, "cancelled")

    replayed = directory.post(f"/v1/jobs/{job_id}/cancel", headers={"Idempotency-Key": "stop"})
    assert (replayed.status_code, replayed.data) == (202, cancelled.data)

    directory.execute("UPDATE jobs SET state = 'succeeded', cancel_requested = false")
    assert_problem(directory.post(f"/v1/jobs/{job_id}/cancel"), 409, "job-state")


def test_a_cancel_under_a_key_needs_one_connection_at_a_time(directory: Directory):
    job_id = enqueue(directory)
    pool = state_of(directory.app).database.engine.pool
    in_use = []
    event.listen(pool, "checkout", lambda *_: in_use.append(pool.checkedout()))
    for key in ("stop", "stop-again"):
        answer = directory.post(f"/v1/jobs/{job_id}/cancel", headers={"Idempotency-Key": key})
        assert answer.status_code == 202
    assert max(in_use) == 1, "requests at once would wait for each other's second"


def test_a_long_poll_is_answered_when_the_job_changes_and_holds_no_connection(directory: Directory):
    job_id = enqueue(directory)
    job = directory.get(f"/v1/jobs/{job_id}").get_json()
    answers = []
    poll = threading.Thread(
        target=lambda: answers.append(directory.get(f"/v1/jobs/{job_id}?wait=20&since={job['version']}").get_json())
    )
    begun = time.monotonic()
    poll.start()
    time.sleep(0.3)

    idle = directory.execute("SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'")
    directory.execute("UPDATE jobs SET state = 'succeeded', result = '7', finished_at = now(), version = version + 1")
    poll.join(15)

    assert idle == [(0,)]
    assert (answers[0]["state"], answers[0]["result"]) == ("succeeded", 7)
    assert time.monotonic() - begun < 15


def test_a_long_poll_ends_without_news_after_its_time(directory: Directory):
    job_id = enqueue(directory)
    answer = directory.get(f"/v1/jobs/{job_id}?wait=0.3")
    assert (answer.status_code, answer.get_json()["state"]) == (200, "queued")


@pytest.mark.parametrize("seen", ["", "&since=0"])
def test_a_long_poll_for_a_finished_job_or_old_news_is_answered_at_once(directory: Directory, seen):
    job_id = enqueue(directory)
    if not seen:
        directory.post(f"/v1/jobs/{job_id}/cancel")
    begun = time.monotonic()
    assert directory.get(f"/v1/jobs/{job_id}?wait=20{seen}").status_code == 200
    assert time.monotonic() - begun < 10


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"])
def test_a_forged_cursor_of_a_time_that_no_database_has_is_400(directory: Directory, time):
    cursor = make_cursor((time, "00000000-0000-4000-8000-000000000000"), state=None, task=None)

    assert_problem(directory.get(f"/v1/jobs?cursor={cursor}"), 400, "cursor")
