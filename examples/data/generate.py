"""Make up users for the directory: any number of CSV rows, the same ones for the same seed.

    python examples/data/generate.py --rows 1000000 --gzip --out users.csv.gz

Names come from Faker in each country's own language and script, sign-ups spread over two years with
a slow growth, quieter weekends and a summer dip. Emails are unique, and all under example.com,
example.net and example.org, which belong to nobody.
"""

import csv
import gzip
import io
import itertools
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import cos, pi
from pathlib import Path
from typing import TextIO

import click
from faker import Faker
from faker.decode import unidecode
from rich.progress import Progress

HEADER = ("email", "name", "country", "created_at")

#: Locale of the names, the country that goes with it, and its share of the users.
LOCALES: tuple[tuple[str, str, int], ...] = (
    ("en_US", "US", 16),
    ("en_GB", "GB", 8),
    ("de_DE", "DE", 9),
    ("fr_FR", "FR", 8),
    ("es_ES", "ES", 6),
    ("it_IT", "IT", 6),
    ("pt_BR", "BR", 8),
    ("pl_PL", "PL", 4),
    ("nl_NL", "NL", 3),
    ("sv_SE", "SE", 2),
    ("cs_CZ", "CZ", 2),
    ("tr_TR", "TR", 4),
    ("el_GR", "GR", 2),
    ("uk_UA", "UA", 3),
    ("hi_IN", "IN", 7),
    ("ja_JP", "JP", 5),
    ("ko_KR", "KR", 3),
    ("zh_CN", "CN", 4),
)

#: Languages that put the family name first.
FAMILY_FIRST = frozenset({"JP", "KR", "CN"})

DOMAINS = ("example.com", "example.net", "example.org", "mail.example.com", "post.example.net", "web.example.org")

FIRST_DAY = datetime(2024, 1, 1, tzinfo=UTC)
DAYS = 731

#: Different first names, and different last names, to draw for one locale.
POOL = 400

#: Rows made at a time.
BATCH = 10_000


@dataclass(frozen=True)
class Names:
    """What one locale's people are called: as written, and as spelt in an address."""

    country: str
    first: list[tuple[str, str]]
    last: list[tuple[str, str]]

    def person(self, one: float, other: float) -> tuple[str, str]:
        """A name and its spelling in ASCII; `one` and `other` are from 0 to below 1."""
        first, first_ascii = self.first[int(one * len(self.first))]
        last, last_ascii = self.last[int(other * len(self.last))]
        spelling = f"{first_ascii}.{last_ascii}"
        if self.country in FAMILY_FIRST:
            return f"{last} {first}", spelling
        return f"{first} {last}", spelling


def rows(count: int, seed: int = 1) -> Iterator[tuple[str, str, str, str]]:
    """Give `count` users as (email, name, country, created_at)."""
    chance = random.Random(seed)  # noqa: S311 (made-up people, not secrets)
    names = [_names(locale, country, seed) for locale, country, _share in LOCALES]
    shares = list(itertools.accumulate(share for _locale, _country, share in LOCALES))
    days = list(itertools.accumulate(_popularity(day) for day in range(DAYS)))
    seen: Counter[str] = Counter()
    left = count
    while left > 0:
        # Always a whole batch, so that fewer users of a seed are the first of more.
        locales = chance.choices(names, cum_weights=shares, k=BATCH)
        dates = chance.choices(range(DAYS), cum_weights=days, k=BATCH)
        for locale, day in zip(locales[:left], dates, strict=False):
            name, spelling = locale.person(chance.random(), chance.random())
            address = f"{spelling}@{DOMAINS[int(chance.random() * len(DOMAINS))]}"
            yield _unique(address, seen), name, locale.country, _moment(day, chance.random())
        left -= BATCH


def write(file: TextIO, count: int, seed: int = 1, on_rows: Callable[[int], None] = lambda count: None) -> None:
    """Write a header and `count` users as CSV; `on_rows` hears of each batch."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(HEADER)
    users = rows(count, seed)
    while batch := list(itertools.islice(users, BATCH)):
        writer.writerows(batch)
        on_rows(len(batch))


def write_file(
    path: Path, count: int, seed: int = 1, *, packed: bool, on_rows: Callable[[int], None] = lambda count: None
) -> None:
    """Write them to `path`, through gzip where `packed`. The file is there only once it is whole."""
    unfinished = path.with_name(path.name + ".unfinished")
    with unfinished.open("wb") as raw:
        # No time and no name in the header: the same rows are the same bytes.
        packer = gzip.GzipFile("", "wb", compresslevel=6, fileobj=raw, mtime=0) if packed else nullcontext(raw)
        with packer as binary, io.TextIOWrapper(binary, encoding="utf-8", newline="") as file:
            write(file, count, seed, on_rows)
    unfinished.replace(path)


def _names(locale: str, country: str, seed: int) -> Names:
    fake = Faker(locale)
    fake.seed_instance(seed)
    return Names(
        country,
        _spelt(fake.first_name() for _ in range(POOL)),
        _spelt(fake.last_name() for _ in range(POOL)),
    )


def _spelt(names: Iterator[str]) -> list[tuple[str, str]]:
    found = ((name, re.sub(r"[^a-z]+", "", unidecode(name).lower())) for name in dict.fromkeys(names))
    return [(name, spelling) for name, spelling in found if spelling]


def _popularity(day: int) -> float:
    """How many sign up on a day, against the others."""
    date = FIRST_DAY + timedelta(days=day)
    growth = 1 + day / DAYS
    season = 1 + 0.3 * cos(2 * pi * date.timetuple().tm_yday / 365)
    return growth * season * (0.6 if date.weekday() >= 5 else 1.0)


def _moment(day: int, part: float) -> str:
    return (FIRST_DAY + timedelta(days=day, seconds=int(part * 86400))).strftime("%Y-%m-%dT%H:%M:%SZ")


def _unique(address: str, seen: Counter[str]) -> str:
    """Number the second and later people of one spelling; no spelling has digits of its own."""
    seen[address] += 1
    if seen[address] == 1:
        return address
    local, _, domain = address.partition("@")
    return f"{local}{seen[address]}@{domain}"


@click.command()
@click.option("--rows", "count", default=100_000, show_default=True, type=click.IntRange(min=0), help="How many users.")
@click.option("--seed", default=1, show_default=True, help="The same seed makes the same users.")
@click.option("--gzip", "packed", is_flag=True, help="Write through gzip.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Default: users.csv, or users.csv.gz.")
def main(count: int, seed: int, packed: bool, out: Path | None) -> None:
    """Write made-up users as a CSV that POST /v1/imports takes."""
    path = out or Path("users.csv.gz" if packed else "users.csv")
    with Progress() as progress:
        bar = progress.add_task(str(path), total=count)
        write_file(path, count, seed, packed=packed, on_rows=lambda done: progress.advance(bar, done))


if __name__ == "__main__":
    main()
