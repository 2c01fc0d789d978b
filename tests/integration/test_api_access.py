import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from flask_scale.dev.valkey import Valkey
from flask_scale.errors import SettingsError
from services.api import access
from services.domain import api_keys, dev
from services.domain.api_keys import TRUST_SECONDS
from tests.support.directory import Directory, assert_problem, running_directory

GET_USERS = "/v1/users"


def key_id(directory: Directory, name: str):
    [[found]] = directory.execute("SELECT id FROM api_keys WHERE name = :name", name=name)
    return found


def revoke(directory: Directory, name: str) -> None:
    with directory.app.app_context():
        api_keys.revoke(key_id(directory, name))


@pytest.mark.parametrize("header", [None, "", "Basic YTpi", "Bearer", "Bearer ", "bearer x"])
def test_a_request_without_a_key_is_401_and_learns_nothing_of_its_input(directory: Directory, header):
    headers = {} if header is None else {"Authorization": header}
    for response in (
        directory.client.get("/v1/users?limit=nonsense", headers=headers),
        directory.client.post("/v1/users", data=b"{", headers=headers),
        directory.client.get("/v1/jobs/nonsense", headers=headers),
    ):
        assert_problem(response, 401, "unauthorized")
        assert response.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("key", ["fsk_" + "A" * 43, "fsk_" + "A" * 42, "x" * 10_000, "fsk_" + "é" * 43])
def test_a_wrong_key_is_401(directory: Directory, key):
    assert_problem(directory.as_key(key).get(GET_USERS), 401, "unauthorized")


def test_a_key_without_the_scope_is_403_and_told_which(directory: Directory):
    reader = directory.with_scopes("users:read")
    response = reader.post("/v1/users", json={})
    assert "users:write" in assert_problem(response, 403, "forbidden")["detail"]
    assert 'scope="users:write"' in response.headers["WWW-Authenticate"]
    assert reader.get(GET_USERS).status_code == 200
    assert_problem(reader.get("/v1/jobs"), 403, "forbidden")


def test_admin_has_every_scope(directory: Directory):
    admin = directory.with_scopes("admin")
    assert [admin.get(path).status_code for path in (GET_USERS, "/v1/jobs")] == [200, 200]


def test_an_expired_key_is_401_though_it_was_good_a_moment_ago(directory: Directory, monkeypatch):
    soon = datetime.now(UTC) + timedelta(seconds=TRUST_SECONDS - 5)
    brief = directory.as_key(directory.make_key("users:read", expires_at=soon))
    assert brief.get(GET_USERS).status_code == 200

    monkeypatch.setattr(api_keys, "time", SimpleNamespace(time=lambda: soon.timestamp() + 1))

    assert_problem(brief.get(GET_USERS), 401, "unauthorized")


def test_a_revoked_key_is_401_in_every_process_at_once(directory: Directory, directory_database_url, cache_url):
    brief = directory.as_key(directory.make_key("users:read", name="brief"))
    with running_directory(directory_database_url, cache_url) as another:
        elsewhere = another.as_key(brief.key)
        assert [it.get(GET_USERS).status_code for it in (brief, elsewhere)] == [200, 200]

        revoke(another, "brief")

        assert_problem(elsewhere.get(GET_USERS), 401, "unauthorized")
        deadline = time.monotonic() + TRUST_SECONDS / 2
        while brief.get(GET_USERS).status_code == 200 and time.monotonic() < deadline:
            time.sleep(0.02)
        assert_problem(brief.get(GET_USERS), 401, "unauthorized")


def test_a_good_key_is_remembered_without_the_database(directory: Directory):
    assert directory.get(GET_USERS).status_code == 200
    directory.execute("UPDATE api_keys SET scopes = '{}'")
    assert directory.get(GET_USERS).status_code == 200


def test_a_revocation_that_reached_no_process_holds_after_30_seconds(directory: Directory, monkeypatch):
    brief = directory.as_key(directory.make_key("users:read", name="brief"))
    assert brief.get(GET_USERS).status_code == 200
    directory.execute("UPDATE api_keys SET revoked_at = now() WHERE name = 'brief'")
    assert brief.get(GET_USERS).status_code == 200

    later = time.time() + TRUST_SECONDS + 1
    monkeypatch.setattr(api_keys, "time", SimpleNamespace(time=lambda: later))

    assert_problem(brief.get(GET_USERS), 401, "unauthorized")


def test_with_the_cache_down_a_revoked_key_is_401_soon(directory: Directory, cache_server: Valkey):
    brief = directory.as_key(directory.make_key("users:read", name="brief"))
    assert brief.get(GET_USERS).status_code == 200
    cache_server.stop()
    revoke(directory, "brief")

    deadline = time.monotonic() + TRUST_SECONDS
    while brief.get(GET_USERS).status_code == 200 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert_problem(brief.get(GET_USERS), 401, "unauthorized")


def test_the_day_of_use_is_written_once(directory: Directory):
    directory.get(GET_USERS)
    [[day, before]] = directory.execute("SELECT last_used_on, xmin::text FROM api_keys")
    assert abs((datetime.now(UTC).date() - day).days) <= 1

    with directory.app.app_context():
        api_keys.read.uncached(api_keys._hash(directory.key).hex())

    assert directory.execute("SELECT xmin::text FROM api_keys") == [(before,)]


def test_only_the_hash_of_a_key_is_kept(directory: Directory):
    [row] = directory.execute("SELECT api_keys::text FROM api_keys")
    assert directory.key[4:] not in row[0]


def test_the_commands_create_list_and_revoke(directory: Directory):
    run = directory.app.test_cli_runner().invoke

    created = run(args=["keys", "create", "report", "--scope", "users:read", "--days", "9"])
    assert directory.as_key(created.output.strip()).get(GET_USERS).status_code == 200

    found = str(key_id(directory, "report"))
    [line] = [line for line in run(args=["keys", "list"]).output.splitlines() if found in line]
    assert "active" in line
    assert "report (users:read until" in line
    assert created.output.strip() not in line

    assert run(args=["keys", "revoke", found]).exit_code == 0
    assert_problem(directory.as_key(created.output.strip()).get(GET_USERS), 401, "unauthorized")
    assert "revoked" in run(args=["keys", "list"]).output
    assert run(args=["keys", "revoke", found]).exit_code == 1


def test_a_command_that_cannot_work_says_why_in_one_line(directory: Directory):
    run = directory.app.test_cli_runner().invoke
    directory.execute("DROP TABLE api_keys")
    answer = run(args=["keys", "list"])
    assert (answer.exit_code, answer.output.count("\n")) == (1, 1)
    assert "api_keys" in answer.output


def test_the_development_key_replaces_the_one_before(directory: Directory):
    from flask_scale.state import state_of

    settings = state_of(directory.app).settings
    first = dev.make_key(settings)
    second = dev.make_key(settings)
    assert directory.as_key(second).get("/v1/jobs").status_code == 200
    assert_problem(directory.as_key(first).get("/v1/jobs"), 401, "unauthorized")


def test_the_app_refuses_to_start_with_an_unguarded_route(directory: Directory):
    directory.app.add_url_rule("/v1/open", view_func=lambda: "")
    with pytest.raises(SettingsError, match="/v1/open"):
        access.require_guards(directory.app)


@pytest.mark.parametrize(("path", "scope"), [("/v1/imports", "users:write"), ("/v1/exports", "users:read")])
def test_who_starts_a_job_must_be_allowed_to_watch_it(directory: Directory, path, scope):
    without_jobs = directory.with_scopes(scope)

    response = without_jobs.post(path, headers={"Idempotency-Key": "one"}, json={})

    assert "jobs" in assert_problem(response, 403, "forbidden")["detail"]
