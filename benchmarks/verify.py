"""Before anything is timed: whether a contender answers what it must, encoded as it must."""

import gzip
import hashlib
import http.client
import json
from typing import Any

from benchmarks.expected import ITEMS, as_dict, report, rows


class Wrong(Exception):
    """A contender does not do what the others do; its figures would mean nothing."""


def verify(path: str, name: str, port: int) -> str:
    """Check one path of one server; gives the report's entity tag, or one that nothing has.

    Raises:
        Wrong: what it answered, and what it should have.
    """
    if path in "rc":
        status, headers, body = _ask(port, "GET", "/report", {"Accept-Encoding": "gzip"})
        _expect(name, "status of /report", status, 200)
        _expect(name, "its encoding", headers.get("Content-Encoding"), "gzip")
        _expect(name, "its body's hash", _hash(json.loads(gzip.decompress(body))), _hash(report()))
        etag = headers.get("ETag") or '"nothing"'
        if path == "c" and headers.get("ETag"):
            status, _, body = _ask(port, "GET", "/report", {"Accept-Encoding": "gzip", "If-None-Match": etag})
            _expect(name, "status of a conditional /report", (status, body), (304, b""))
        return etag
    if path == "i":
        for number in (1, ITEMS // 2, ITEMS):
            status, _, body = _ask(port, "GET", f"/items/{number}", {})
            wanted = as_dict(next(row for row in rows() if row[0] == number))
            _expect(name, f"item {number}", (status, json.loads(body)), (200, wanted))
    else:
        headers = {"Content-Type": "application/json"}
        status, _, body = _ask(port, "POST", "/jobs", headers, b'{"number": 1}')
        _expect(name, "status of a job", status, 202)
        _expect(name, "its id", bool(json.loads(body)["id"]), True)
    return ""


def _ask(
    port: int, method: str, path: str, headers: dict[str, str], body: bytes | None = None
) -> tuple[int, http.client.HTTPMessage, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request(method, path, body=body, headers=headers)
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    finally:
        connection.close()


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _expect(name: str, what: str, found: Any, wanted: Any) -> None:
    if found != wanted:
        raise Wrong(f"{name}: {what} is {found!r}, not {wanted!r}")
