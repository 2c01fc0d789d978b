"""An upload is stored as it streams, plain or packed, and what is no import is told at once."""

import gzip
import io
import tracemalloc
import zlib
from typing import Any

import pytest

from services.domain.settings import EXTENSION
from tests.support.directory import Directory, assert_problem
from tests.support.imports import HEADER, accept_import, fresh_key, people, post_import

CSV = HEADER + b"ada@example.com,Ada Lovelace,GB,\n"


def stored(directory: Directory) -> bytes:
    chunks = directory.execute("SELECT data FROM file_chunks ORDER BY file_id, number")
    return b"".join(bytes(chunk.data) for chunk in chunks)


def set_limit(directory: Directory, monkeypatch: pytest.MonkeyPatch, **limits: int) -> None:
    settings = directory.app.extensions[EXTENSION]
    monkeypatch.setitem(directory.app.extensions, EXTENSION, settings.model_copy(update=limits))


def form(data: bytes, name: str = "users.csv", **fields: Any) -> dict[str, Any]:
    return {"data": {**fields, "file": (io.BytesIO(data), name)}, "content_type": "multipart/form-data"}


@pytest.mark.parametrize(
    "options",
    [
        {"data": CSV},
        {"data": CSV, "content_type": "text/csv; charset=utf-8"},
        {"data": CSV, "content_type": None},
        {"data": gzip.compress(CSV), "headers": {"Content-Encoding": "gzip"}},
        {"data": gzip.compress(CSV), "content_type": "application/gzip"},
        {"data": gzip.compress(CSV), "content_type": "application/octet-stream"},
        {"data": gzip.compress(CSV[:9]) + gzip.compress(CSV[9:])},
        {"data": gzip.compress(gzip.compress(CSV)), "headers": {"Content-Encoding": "gzip"}},
        form(CSV),
        form(CSV, note="the field is left aside"),
        form(gzip.compress(CSV), "users.csv.gz"),
    ],
)
def test_a_csv_is_stored_unpacked_however_it_is_wrapped(directory: Directory, options: dict[str, Any]):
    data = options.pop("data")
    accept_import(directory, data, **options)
    assert stored(directory) == CSV


def test_the_answer_is_202_with_the_job_and_where_to_watch_it(directory: Directory):
    response = post_import(directory, CSV, on_conflict="update")

    assert response.status_code == 202
    job = response.get_json()
    assert (job["task"], job["state"]) == ("users.import", "queued")
    assert response.headers["Location"] == f"/v1/jobs/{job['id']}"
    assert directory.get(response.headers["Location"]).get_json()["id"] == job["id"]


def test_a_file_of_many_chunks_comes_back_byte_for_byte(directory: Directory):
    data = people(20_000)
    accept_import(directory, gzip.compress(data))
    assert stored(directory) == data
    (file,) = directory.execute("SELECT size, sha256, job_id FROM files")
    assert (file.size, len(file.sha256)) == (len(data), 64)


def test_an_upload_takes_a_few_mib_of_memory_whatever_its_size(directory: Directory):
    packer = zlib.compressobj(1, wbits=31)
    line = b"someone.%07d@example.com,Some One,DE,2024-01-01\n"
    parts = [packer.compress(HEADER)]
    parts += [
        packer.compress(b"".join(line % n for n in range(start, start + 1000))) for start in range(0, 400_000, 1000)
    ]
    data = b"".join(parts) + packer.flush()
    accept_import(directory, CSV)

    tracemalloc.start()
    try:
        accept_import(directory, io.BytesIO(data), headers={"Content-Length": str(len(data))})
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert len(stored(directory)) > 18 * 1024 * 1024
    assert peak < 5 * 1024 * 1024


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "the file is empty"),
        (b"email,name\n", "missing columns: 'country'"),
        (b"email,name,country,phone\n", "unknown columns: 'phone'"),
        (b"ada@example.com,Ada,GB\n", "missing columns: 'email', 'name', 'country'"),
        ("email,name,country\n".encode("utf-16"), "UTF-16"),
        (b"email;name;country\n", "not separated by commas"),
    ],
)
def test_what_is_no_import_is_422_and_nothing_is_kept(directory: Directory, data: bytes, told: str):
    problem = assert_problem(post_import(directory, data), 422, "validation")
    assert told in problem["detail"]
    assert directory.execute("SELECT FROM files") == directory.execute("SELECT FROM jobs") == []


@pytest.mark.parametrize("data", [{}, {"note": "no file"}])
def test_a_form_without_a_file_is_422(directory: Directory, data: dict[str, str]):
    body = b"--b--\r\n" if not data else b'--b\r\nContent-Disposition: form-data; name="note"\r\n\r\nx\r\n--b--\r\n'
    response = post_import(directory, body, content_type="multipart/form-data; boundary=b")
    assert "no file" in assert_problem(response, 422, "validation")["detail"]


def test_a_form_with_two_files_is_422(directory: Directory):
    data = {"one": (io.BytesIO(CSV), "1.csv"), "two": (io.BytesIO(CSV), "2.csv")}
    response = post_import(directory, data, content_type="multipart/form-data")
    assert "more than one file" in assert_problem(response, 422, "validation")["detail"]


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (CSV, "multipart/form-data"),
        (CSV, "multipart/form-data; boundary=b"),
        (b"--b\r\nContent-Disposition: form-data", "multipart/form-data; boundary=b"),
        (b"--b\r\nNo: disposition\r\n\r\nx\r\n--b--\r\n", "multipart/form-data; boundary=b"),
        (b"--b\r\nContent-Disposition: \xff\r\n\r\nx\r\n--b--\r\n", "multipart/form-data; boundary=b"),
    ],
)
def test_a_broken_form_is_400(directory: Directory, body: bytes, content_type: str):
    assert_problem(post_import(directory, body, content_type=content_type), 400, "malformed")


@pytest.mark.parametrize("content_type", ["application/json", "application/x-www-form-urlencoded", "application/zip"])
def test_another_content_type_is_415(directory: Directory, content_type: str):
    assert_problem(post_import(directory, CSV, content_type=content_type), 415, "media-type")


def test_another_content_encoding_is_415(directory: Directory):
    assert_problem(post_import(directory, CSV, headers={"Content-Encoding": "br"}), 415, "media-type")


@pytest.mark.parametrize(
    "options",
    [
        {"data": gzip.compress(people(1000))[:-20]},
        {"data": b"\x1f\x8b" + b"\0" * 100},
        {"data": CSV, "headers": {"Content-Encoding": "gzip"}},
        {"data": CSV, "content_type": "application/gzip"},
    ],
)
def test_broken_gzip_is_400_and_nothing_is_kept(directory: Directory, options: dict[str, Any]):
    assert_problem(post_import(directory, options.pop("data"), **options), 400, "malformed")
    assert directory.execute("SELECT FROM files") == []


def test_a_gzip_bomb_is_413_by_its_ratio_and_nothing_is_kept(directory: Directory):
    bomb = gzip.compress(HEADER + b"a" * 50_000_000)
    assert_problem(post_import(directory, bomb), 413, "too-large")
    assert directory.execute("SELECT FROM files") == []


def test_a_file_that_unpacks_to_more_than_the_limit_is_413(directory: Directory, monkeypatch: pytest.MonkeyPatch):
    set_limit(directory, monkeypatch, max_import_unpacked_bytes=10_000)
    assert_problem(post_import(directory, gzip.compress(people(1000))), 413, "too-large")


@pytest.mark.parametrize("known_length", [True, False])
def test_a_body_over_the_limit_is_413(directory: Directory, monkeypatch: pytest.MonkeyPatch, known_length: bool):
    set_limit(directory, monkeypatch, max_import_bytes=10_000)
    data = people(1000)
    options: dict[str, Any] = {}
    if not known_length:
        options = {"environ_overrides": {"wsgi.input_terminated": True}, "content_length": None}
        data = io.BytesIO(data)
    assert_problem(post_import(directory, data, **options), 413, "too-large")


def test_an_import_may_be_larger_than_any_other_body(directory: Directory):
    data = people(30_000)
    assert len(data) > directory.app.extensions[EXTENSION].max_body_bytes
    accept_import(directory, data)


def test_without_a_key_of_idempotency_the_answer_is_400(directory: Directory):
    response = directory.post("/v1/imports", data=CSV, content_type="text/csv")
    assert_problem(response, 400, "idempotency-key-missing")


def test_the_same_request_again_is_the_same_job_and_one_file(directory: Directory):
    key = fresh_key()
    first = post_import(directory, CSV, headers=key)
    again = post_import(directory, CSV, headers=key)

    assert (again.status_code, again.get_json()) == (202, first.get_json())
    assert again.headers["Idempotency-Replayed"] == "true"
    assert len(directory.execute("SELECT FROM files")) == len(directory.execute("SELECT FROM jobs")) == 1


def test_another_file_with_the_same_key_is_422(directory: Directory):
    key = fresh_key()
    post_import(directory, CSV, headers=key)
    assert_problem(post_import(directory, CSV + CSV, headers=key), 422, "idempotency-key-reused")
    assert_problem(post_import(directory, CSV, on_conflict="fail", headers=key), 422, "idempotency-key-reused")
    assert len(directory.execute("SELECT FROM jobs")) == 1


def test_an_unknown_rule_for_conflicts_is_422(directory: Directory):
    assert_problem(post_import(directory, CSV, on_conflict="merge"), 422, "validation")


def test_a_key_that_may_not_write_is_403(directory: Directory):
    assert_problem(post_import(directory.with_scopes("users:read", "jobs"), CSV), 403, "forbidden")
