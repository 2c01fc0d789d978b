import gzip
import json

import pytest

from tests.support.directory import Directory, assert_problem

ADA = {"email": "ada@example.org", "name": "Ada Lovelace", "country": "GB"}


def test_a_user_is_created_read_changed_and_deleted(directory: Directory):
    created = directory.post("/v1/users", json={**ADA, "email": "Ada@Example.ORG", "country": "gb"})
    assert created.status_code == 201
    assert {name: created.get_json()[name] for name in ADA} == ADA
    where = created.headers["Location"]

    assert directory.get(where).get_json() == created.get_json()

    changed = directory.patch(where, json={"name": "Ada King"})
    assert (changed.status_code, changed.get_json()["name"], changed.get_json()["version"]) == (200, "Ada King", 2)
    assert directory.get(where).get_json() == changed.get_json()

    assert directory.delete(where).status_code == 204
    assert_problem(directory.get(where), 404, "not-found")
    assert_problem(directory.delete(where), 404, "not-found")
    assert_problem(directory.patch(where, json={"name": "X"}), 404, "not-found")


def test_an_email_in_other_case_is_taken_and_the_answer_is_409(directory: Directory):
    first = directory.add_user("ada@example.org")
    second = directory.add_user("grace@example.org")

    assert_problem(directory.post("/v1/users", json={**ADA, "email": "ADA@example.org"}), 409, "email-taken")
    taken = directory.patch(f"/v1/users/{second['id']}", json={"email": "Ada@Example.org"})

    assert_problem(taken, 409, "email-taken")
    assert directory.get(f"/v1/users/{second['id']}").get_json() == second
    assert directory.patch(f"/v1/users/{first['id']}", json={"email": "ADA@example.org"}).status_code == 200


@pytest.mark.parametrize("stale", ['"v1"', 'W/"v2"', '"v3"', '"nonsense"', "nonsense"])
def test_a_write_with_another_etag_changes_nothing(directory: Directory, stale):
    where = f"/v1/users/{directory.add_user('ada@example.org')['id']}"
    directory.patch(where, json={"name": "Second"})

    assert_problem(directory.patch(where, json={"name": "X"}, headers={"If-Match": stale}), 412, "precondition-failed")
    assert_problem(directory.delete(where, headers={"If-Match": stale}), 412, "precondition-failed")

    assert directory.get(where).get_json()["name"] == "Second"


@pytest.mark.parametrize("tag", ["*", None, '"v7", "v1"', '"v1:zstd"'])
def test_a_write_with_the_present_etag_is_done(directory: Directory, tag):
    where = f"/v1/users/{directory.add_user('ada@example.org')['id']}"
    present = tag or directory.get(where).headers["ETag"]

    changed = directory.patch(where, json={"name": "New"}, headers={"If-Match": present})

    assert (changed.status_code, changed.headers["ETag"]) == (200, '"v2"')
    assert directory.delete(where, headers={"If-Match": changed.headers["ETag"]}).status_code == 204


def test_a_read_with_the_present_etag_is_304(directory: Directory):
    where = f"/v1/users/{directory.add_user('ada@example.org')['id']}"
    tag = directory.get(where).headers["ETag"]

    spared = directory.get(where, headers={"If-None-Match": tag})
    assert (spared.status_code, spared.data, spared.headers["ETag"]) == (304, b"", tag)

    directory.patch(where, json={"name": "New"})
    assert directory.get(where, headers={"If-None-Match": tag}).status_code == 200


def test_a_lookup_by_email_finds_one_in_any_case_or_none(directory: Directory):
    ada = directory.add_user("ada@example.org")
    directory.add_user("ada.b@example.org")

    assert directory.get("/v1/users?email=ADA@Example.org").get_json() == {"items": [ada], "next": None}
    assert directory.get("/v1/users?email=bob@example.org").get_json() == {"items": [], "next": None}


def test_a_gzip_body_is_read(directory: Directory):
    packed = gzip.compress(json.dumps(ADA).encode())
    options = {"data": packed, "content_type": "application/json", "headers": {"Content-Encoding": "gzip"}}
    assert directory.post("/v1/users", **options).status_code == 201


def test_names_and_addresses_of_any_script_come_back_composed(directory: Directory):
    user = directory.add_user("JU\u0308RGEN@bücher.example", "Ju\u0308rgen 王 \N{GRINNING FACE}", "DE")
    assert (user["email"], user["name"]) == ("jürgen@bücher.example", "Jürgen 王 \N{GRINNING FACE}")


def test_validation_names_every_field_at_once(directory: Directory):
    body = {"email": "nobody", "name": "a\u0000b", "country": "XX", "admin": True}
    problem = assert_problem(directory.post("/v1/users", json=body), 422, "validation")
    assert {error["field"] for error in problem["errors"]} == {"email", "name", "country", "admin"}


def test_no_change_at_all_is_refused(directory: Directory):
    where = f"/v1/users/{directory.add_user('ada@example.org')['id']}"
    assert_problem(directory.patch(where, json={}), 422, "validation")
    assert_problem(directory.patch(where, json={"name": None}), 422, "validation")
