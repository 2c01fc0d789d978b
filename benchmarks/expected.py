"""The rows that every contender has, and what it must answer with them."""

import json
from collections.abc import Iterator
from typing import Any

ITEMS = 10_000
REPORTED = 100


def rows() -> Iterator[tuple[int, str, str, int]]:
    """id, name, email, price of each item; the same ones in every run."""
    for number in range(1, ITEMS + 1):
        mixed = (number * 2654435761) % 2**32
        yield number, f"Item {mixed:08x} of {number % 97}", f"owner-{mixed % 9973}@example.com", mixed % 100_000


def as_dict(row: tuple[int, str, str, int]) -> dict[str, Any]:
    """A row as the API shows it."""
    return dict(zip(("id", "name", "email", "price"), row, strict=True))


def report() -> list[dict[str, Any]]:
    """What GET /report tells."""
    return [as_dict(row) for row, _ in zip(rows(), range(REPORTED), strict=False)]


def report_body() -> bytes:
    """It as JSON."""
    return json.dumps(report()).encode()
