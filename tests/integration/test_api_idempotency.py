from concurrent.futures import ThreadPoolExecutor

import pytest

from services.api.idempotency import idempotent
from tests.support.directory import Directory, assert_problem

ADA = {"email": "ada@example.org", "name": "Ada Lovelace", "country": "GB"}
KEY = {"Idempotency-Key": "one"}


def count(directory: Directory) -> int:
    return directory.execute("SELECT count(*) FROM users")[0][0]


def test_a_repeated_post_is_done_once_and_answered_as_the_first_time(directory: Directory):
    first = directory.post("/v1/users", json=ADA, headers=KEY)
    second = directory.post("/v1/users", json=ADA, headers=KEY)

    assert (first.status_code, second.status_code, count(directory)) == (201, 201, 1)
    assert second.data == first.data
    for name in ("Location", "ETag", "Content-Type"):
        assert second.headers[name] == first.headers[name]
    assert second.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers


def test_without_a_key_each_post_is_its_own(directory: Directory):
    assert directory.post("/v1/users", json=ADA).status_code == 201
    assert_problem(directory.post("/v1/users", json=ADA), 409, "email-taken")


def test_another_payload_with_the_key_is_422(directory: Directory):
    directory.post("/v1/users", json=ADA, headers=KEY)
    other = directory.post("/v1/users", json={**ADA, "name": "Other"}, headers=KEY)
    assert_problem(other, 422, "idempotency-key-reused")


def test_the_same_payload_at_another_address_is_another_request(directory: Directory):
    directory.post("/v1/users", json=ADA, headers=KEY)
    other = directory.post("/v1/users?again=1", json=ADA, headers=KEY)
    assert_problem(other, 422, "idempotency-key-reused")


def test_keys_of_others_do_not_meet(directory: Directory):
    directory.post("/v1/users", json=ADA, headers=KEY)
    other = directory.with_scopes("users:write").post("/v1/users", json={**ADA, "email": "b@example.org"}, headers=KEY)
    assert other.status_code == 201


def test_a_refused_request_does_not_use_up_its_key(directory: Directory):
    directory.add_user(ADA["email"])
    assert_problem(directory.post("/v1/users", json=ADA, headers=KEY), 409, "email-taken")
    assert directory.post("/v1/users", json={**ADA, "email": "b@example.org"}, headers=KEY).status_code == 201


def test_a_second_request_while_the_first_is_worked_on_is_409_and_told_to_retry(directory: Directory):
    with directory.app.app_context(), directory.transaction() as session:
        from flask_scale.jobs.idempotency import IdempotencyKeys
        from services.domain import api_keys

        assert IdempotencyKeys(session).begin(api_keys.check(directory.key).owner, "one") is None
        response = directory.post("/v1/users", json=ADA, headers=KEY)

    assert_problem(response, 409, "in-progress")
    assert int(response.headers["Retry-After"]) >= 1
    assert directory.post("/v1/users", json=ADA, headers=KEY).status_code == 201


def test_many_at_once_with_one_key_make_one_user(directory: Directory):
    def post(_: int) -> int:
        return Directory(directory.app, directory.key).post("/v1/users", json=ADA, headers=KEY).status_code

    with ThreadPoolExecutor(16) as pool:
        statuses = list(pool.map(post, range(48)))

    assert set(statuses) <= {201, 409}
    assert 201 in statuses
    assert count(directory) == 1


@pytest.mark.parametrize("key", ["", "a b", "é", "x" * 256, "a\tb", "one,two"])
def test_a_key_of_another_form_is_refused(directory: Directory, key):
    assert_problem(directory.post("/v1/users", json=ADA, headers={"Idempotency-Key": key}), 422, "validation")
    assert count(directory) == 0


def test_where_a_key_is_required_its_absence_is_400(directory: Directory):
    with directory.app.test_request_context(method="POST"):
        view = idempotent(required=True)(lambda: "")
        with pytest.raises(Exception, match="idempotency-key-missing"):
            view()
