"""The users that a run makes: whoever knows an email knows all of its user."""

import csv
import io
from collections.abc import Iterable
from typing import NamedTuple
from zlib import crc32

DOMAIN = "load.example.org"

NAMES = ("Ada Lovelace", "Grace Hopper", "Zoë Ångström", "Alan Turing", "山田 花子", "Emmy Noether", "O'Neil, Pat")
COUNTRIES = ("GB", "US", "SE", "JP", "DE", "IE", "BR", "NG")

COLUMNS = ("email", "name", "country")


class Person(NamedTuple):
    """What is sent of a user, and must come back."""

    email: str
    name: str
    country: str


def person(email: str) -> Person:
    """The user with this email."""
    draw = crc32(email.encode())
    return Person(email, NAMES[draw % len(NAMES)], COUNTRIES[draw % len(COUNTRIES)])


def email_of(run: str, number: int, row: int | None = None) -> str:
    """The email that an operation writes; an import's rows each have their own."""
    name = f"{run}-{number}" if row is None else f"{run}-{number}-{row}"
    return f"{name}@{DOMAIN}"


def csv_of(emails: Iterable[str]) -> bytes:
    """A file to import."""
    lines = io.StringIO(newline="")
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(person(email) for email in emails)
    return lines.getvalue().encode()
