"""Sending imports to the directory and reading what came of them."""

import itertools
from pathlib import Path
from typing import Any

from werkzeug.test import TestResponse

from tests.support.directory import Directory

HEADER = b"email,name,country,created_at\n"
DIRTY = Path(__file__).parents[2] / "examples" / "data" / "dirty.csv"

_numbers = itertools.count(1)


def fresh_key() -> dict[str, str]:
    """Headers with an Idempotency-Key that nobody used."""
    return {"Idempotency-Key": f"key-{next(_numbers)}"}


def post_import(directory: Directory, data: Any, *, on_conflict: str = "skip", **options: Any) -> TestResponse:
    """POST `data` as an import, as text/csv where nothing else is said."""
    headers = {**fresh_key(), **options.pop("headers", {})}
    options.setdefault("content_type", "text/csv")
    path = f"/v1/imports?on_conflict={on_conflict}"
    return directory.post(path, data=data, headers=headers, **options)


def accept_import(directory: Directory, data: Any, *, on_conflict: str = "skip", **options: Any) -> str:
    """POST an import that is accepted; gives the job's id."""
    response = post_import(directory, data, on_conflict=on_conflict, **options)
    assert response.status_code == 202, response.text
    job_id: str = response.get_json()["id"]
    return job_id


def users(directory: Directory) -> list[tuple[str, str, str, str]]:
    """Every user but for ids and versions, by email."""
    found = directory.execute("SELECT email, name, country, created_at FROM users ORDER BY email")
    return [(row.email, row.name, row.country, row.created_at.isoformat()) for row in found]


def report(directory: Directory, job_id: str) -> list[dict[str, Any]]:
    """Every refused row of an import, page by page."""
    items: list[dict[str, Any]] = []
    path = f"/v1/imports/{job_id}/report?limit=3"
    while path:
        page = directory.get(path)
        assert page.status_code == 200, page.text
        items += page.get_json()["items"]
        cursor = page.get_json()["next"]
        path = f"/v1/imports/{job_id}/report?limit=3&cursor={cursor}" if cursor else ""
    return items


def people(count: int, *, duplicates: bool = True) -> bytes:
    """A CSV of `count` different users, each seventh followed by a bad row, each eleventh by itself in other case."""
    lines = [HEADER]
    for number in range(count):
        lines.append(f"user{number:06}@example.com,User {number},DE,2024-01-0{number % 9 + 1}\n".encode())
        if number % 7 == 0:
            lines.append(f"user{number},No Address,DE,\n".encode())
        if duplicates and number % 11 == 0:
            lines.append(f'USER{number:06}@example.com,"Again\n{number}",FR,\n'.encode())
    return b"".join(lines)
