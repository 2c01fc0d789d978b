"""A walk through what `make run` runs: import users, look one up, read statistics twice, export.

    make demo            (or: python examples/demo.py --rows 1000000)

Each step is also printed as the curl command that does the same.
"""

import csv
import gzip
import json
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import click
import requests
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from examples.data import generate

#: Seconds that one long poll waits for news of a job.
POLL_SECONDS = 10

TIMEOUT_SECONDS = 60

PIECE_BYTES = 256 * 1024

STATISTICS = "/v1/statistics/sign-ups?from=2024-01-01&to=2025-12-31&interval=month"

console = Console(highlight=False)


class Directory:
    """The running user directory, as a client sees it."""

    def __init__(self, url: str, key: str) -> None:
        self._url = url
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {key}"

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        """Send one request; a problem ends the demo with what it says."""
        try:
            response = self._session.request(method, self._url + path, timeout=TIMEOUT_SECONDS, **options)
        except requests.RequestException as error:
            fail(f"{self._url} does not answer: is `make run` still there? ({error})")
        if not response.ok:
            fail(f"{method} {path}: {response.status_code} {response.text}")
        return response

    def timed(self, path: str) -> tuple[requests.Response, float]:
        """GET, and how many milliseconds it took."""
        began = time.perf_counter()
        response = self.call("GET", path)
        return response, (time.perf_counter() - began) * 1000

    def follow(self, job: dict[str, Any], what: str) -> dict[str, Any]:
        """Show a job's progress until its end; gives its result."""
        with bar() as progress:
            line = progress.add_task(what, total=None)
            while job["state"] in ("queued", "running"):
                path = f"/v1/jobs/{job['id']}?wait={POLL_SECONDS}&since={job['version']}"
                job = self.call("GET", path).json()
                if job["progress"]:
                    progress.update(line, completed=job["progress"]["done"], total=job["progress"]["total"])
        if job["state"] != "succeeded":
            fail(f"the job is {job['state']}: {job['error']}")
        result: dict[str, Any] = job["result"]
        return result


@click.command()
@click.option("--rows", default=100_000, show_default=True, type=click.IntRange(min=1), help="Users to import.")
@click.option(
    "--data", default=".flask-scale", show_default=True, type=click.Path(path_type=Path), help="Folder of `make run`."
)
def main(rows: int, data: Path) -> None:
    """Import users into what `make run` runs, look one up, read statistics, export."""
    facts = read_facts(data)
    directory = Directory(facts["url"], facts["api_key"])
    console.print("[dim]The commands below need these two:[/]")
    show(f"URL={facts['url']}", f"KEY={facts['api_key']}")
    path = make_file(data, rows)
    import_users(directory, path)
    look_one_up(directory, path)
    read_statistics(directory)
    export_users(directory, data / "export.csv.gz")


def read_facts(data: Path) -> dict[str, str]:
    """Where the directory is, and a key to it."""
    try:
        facts: dict[str, str] = json.loads((data / "dev.json").read_text())
    except FileNotFoundError:
        fail(f"nothing runs here ({data / 'dev.json'} is not there): type `make run` in another terminal first")
    if not facts.get("api_key"):
        fail("what runs here is not the user directory: it has no API key")
    return facts


def make_file(data: Path, rows: int) -> Path:
    """The users to import, made once and kept."""
    path = data / f"users-{rows}.csv.gz"
    title(f"{rows:,} people, always the same")
    show(f"python examples/data/generate.py --rows {rows} --gzip --out {path}")
    if not path.exists():
        with bar() as progress:
            line = progress.add_task("making them up", total=rows)
            generate.write_file(path, rows, packed=True, on_rows=lambda done: progress.advance(line, done))
    console.print(f"{path}: {path.stat().st_size / 1e6:.1f} MB of gzip CSV", soft_wrap=True)
    return path


def import_users(directory: Directory, path: Path) -> None:
    """Upload the file and watch the job."""
    title("Import them: the answer is a job, which runs whatever ends now")
    key = str(uuid.uuid4())
    show(
        'curl -sS -X POST "$URL/v1/imports?on_conflict=skip" -H "Authorization: Bearer $KEY" \\',
        f'     -H "Idempotency-Key: {key}" -H "Content-Type: application/gzip" --data-binary @{path}',
    )
    headers = {"Idempotency-Key": key, "Content-Type": "application/gzip"}
    job = directory.call("POST", "/v1/imports?on_conflict=skip", data=upload(path), headers=headers).json()
    show(f'curl -sS "$URL/v1/jobs/{job["id"]}?wait=10" -H "Authorization: Bearer $KEY"')
    began = time.perf_counter()
    counts = directory.follow(job, "importing")
    rate = counts["read"] / (time.perf_counter() - began)
    told = ", ".join(f"{count:,} {name}" for name, count in counts.items())
    console.print(f"{told}; {rate:,.0f} rows a second", soft_wrap=True)
    if counts["skipped"]:
        console.print("[dim](Who is skipped is there from an earlier run.)[/]")


def upload(path: Path) -> Iterator[bytes]:
    """The file in pieces, with a bar."""
    with bar() as progress, path.open("rb") as file:
        line = progress.add_task("uploading", total=path.stat().st_size)
        while piece := file.read(PIECE_BYTES):
            yield piece
            progress.advance(line, len(piece))


def look_one_up(directory: Directory, path: Path) -> None:
    """Find the file's first user, their email in capitals."""
    title("Look one up by email, in any case of letters")
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        email = next(csv.DictReader(file))["email"].upper()
    query = f"/v1/users?email={email}"
    show(f'curl -sS "$URL{query}" -H "Authorization: Bearer $KEY"')
    response, milliseconds = directory.timed(query)
    console.print_json(data=response.json()["items"][0])
    console.print(f"{milliseconds:.1f} ms")


def read_statistics(directory: Directory) -> None:
    """The expensive query, twice: computed, then remembered."""
    title("Count sign-ups by month: computed the first time, remembered the second")
    show(f'curl -sS -D - "$URL{STATISTICS}" -H "Authorization: Bearer $KEY"')
    for _ in range(2):
        response, milliseconds = directory.timed(STATISTICS)
        status = response.headers["Cache-Status"]
        console.print(f"{response.json()['total']:,} sign-ups   Cache-Status: {status}   {milliseconds:.1f} ms")
    most = max(bucket["count"] for bucket in response.json()["buckets"]) or 1
    for bucket in response.json()["buckets"]:
        console.print(f"{bucket['start'][:7]} [green]{'█' * round(40 * bucket['count'] / most)}[/] {bucket['count']:,}")


def export_users(directory: Directory, path: Path) -> None:
    """Have everyone written to a file, and save it."""
    title("Export everyone")
    key = str(uuid.uuid4())
    show(
        'curl -sS -X POST "$URL/v1/exports" -H "Authorization: Bearer $KEY" \\',
        f'     -H "Idempotency-Key: {key}" -H "Content-Type: application/json" -d "{{}}"',
    )
    job = directory.call("POST", "/v1/exports", json={}, headers={"Idempotency-Key": key}).json()
    result = directory.follow(job, "exporting")
    show(f'curl -sS -o {path} "$URL/v1/exports/{job["id"]}/file" -H "Authorization: Bearer $KEY"')
    with directory.call("GET", f"/v1/exports/{job['id']}/file", stream=True) as response, path.open("wb") as file:
        for piece in response.iter_content(PIECE_BYTES):
            file.write(piece)
    console.print(f"{path}: {result['rows']:,} users, {path.stat().st_size / 1e6:.1f} MB of gzip CSV", soft_wrap=True)


def bar() -> Progress:
    """A progress bar."""
    return Progress(
        TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn(), console=console
    )


def title(text: str) -> None:
    """Begin a step."""
    console.print(f"\n[bold]{text}[/]")


def show(*lines: str) -> None:
    """What to type to do the same."""
    for line in lines:
        console.print(line, style="cyan", markup=False, soft_wrap=True)


def fail(message: str) -> NoReturn:
    """End with one line."""
    raise click.ClickException(message)


if __name__ == "__main__":
    main()
