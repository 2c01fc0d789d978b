"""An app served by gunicorn in processes of its own, and a client that sees bytes as they come."""

import http.client
import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from prometheus_client.parser import text_string_to_metric_families

from flask_scale.dev.process import Process, free_port
from tests.support.servers import running


@dataclass
class Answer:
    """A whole HTTP answer, its body as it was on the wire."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)


def fetch(port: int, path: str, headers: Mapping[str, str] = {}, method: str = "GET", body=None, timeout=20) -> Answer:
    """One request on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request(method, path, body=body, headers=dict(headers))
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())
    finally:
        connection.close()


class Gunicorn(Process):
    """`flask-scale serve APP`, with `settings` as its only FLASK_SCALE_* variables."""

    stop_seconds = 40.0

    def __init__(self, app: str, folder: Path, settings: Mapping[str, object]) -> None:
        super().__init__("gunicorn", folder / "gunicorn.log")
        self.app = app
        self.port, self.internal_port = free_port(), free_port()
        self.settings = {
            "BIND": f"127.0.0.1:{self.port}",
            "INTERNAL_BIND": f"127.0.0.1:{self.internal_port}",
            "WORKERS": "1",
            "DRAIN_SECONDS": "0.5",
            **{name.upper(): str(value) for name, value in settings.items()},
        }

    def command(self):
        return [sys.executable, "-c", "from flask_scale.cli import main; main()", "serve", self.app]

    def environment(self):
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("FLASK_SCALE_")}
        return inherited | {f"FLASK_SCALE_{name}": value for name, value in self.settings.items()}

    def is_ready(self) -> bool:
        try:
            return self.probe("/readyz").status == 200
        except OSError:
            return False

    def get(self, path: str, headers: Mapping[str, str] = {}, **options) -> Answer:
        """A request to the public port."""
        return fetch(self.port, path, headers, **options)

    def probe(self, path: str, timeout: float = 20) -> Answer:
        """A request to the internal port."""
        return fetch(self.internal_port, path, timeout=timeout)

    def samples(self) -> dict[tuple[str, frozenset], float]:
        """Every sample of one scrape, by name and labels."""
        families = text_string_to_metric_families(self.probe("/metrics", timeout=20).body.decode())
        return {(s.name, frozenset(s.labels.items())): s.value for family in families for s in family.samples}

    def sample(self, name: str, **labels: str) -> float:
        """The sum of the samples that carry `labels`."""
        wanted = set(labels.items())
        return sum(value for (found, has), value in self.samples().items() if found == name and wanted <= has)

    def workers(self) -> set[int]:
        """The process ids of the gunicorn workers."""
        return {child.pid for child in psutil.Process(self.pid).children()}

    def events(self) -> list[dict]:
        """The log so far, a dict for each line that is JSON."""
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]


class PlainGunicorn(Gunicorn):
    """`gunicorn ... APP`, as a person starts it who has read the tutorial."""

    def __init__(self, app: str, folder: Path, settings: Mapping[str, object], *arguments: str) -> None:
        super().__init__(app, folder, settings)
        self.arguments = arguments

    def command(self):
        return [sys.executable, "-m", "gunicorn", *self.arguments, self.app]


@contextmanager
def serving(app: str, folder: Path, **settings: object) -> Iterator[Gunicorn]:
    """Serve `app`, and end the server whatever happens."""
    with running(Gunicorn(app, folder, settings)) as server:
        yield server
