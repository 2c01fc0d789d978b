"""wrk on a CPU of its own: what each path asks, and what came back."""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contender import LOAD_CPU
from benchmarks.expected import ITEMS
from flask_scale.errors import DevStackError

CONNECTIONS = 32

#: What wrk may take beyond the asked time: for answers that do not come it waits on.
SPARE_SECONDS = 60

#: By path: what wrk runs in front of each request; ETAG is filled in.
SCRIPTS: Mapping[str, str] = {
    "r": 'wrk.path = "/report"\nwrk.headers["Accept-Encoding"] = "gzip"\n',
    "c": 'wrk.path = "/report"\nwrk.headers["Accept-Encoding"] = "gzip"\nwrk.headers["If-None-Match"] = [[ETAG]]\n',
    "i": f'function request() return wrk.format("GET", "/items/" .. math.random({ITEMS})) end\n',
    "j": 'wrk.method = "POST"\nwrk.path = "/jobs"\nwrk.body = [[{"number": 1}]]\n'
    'wrk.headers["Content-Type"] = "application/json"\n',
}

TOLD = """
done = function(summary, latency, requests)
    local wrong = summary.errors
    io.write(string.format("TOLD %d %d %d %d %d\\n", summary.requests, summary.duration, latency:percentile(50),
        latency:percentile(99), wrong.connect + wrong.read + wrong.write + wrong.timeout + wrong.status))
end
"""


@dataclass(frozen=True)
class Told:
    """What wrk counted: answers, and those that were none or over 399; seconds; milliseconds of latency."""

    requests: int
    seconds: float
    p50: float
    p99: float
    errors: int


class Wrk:
    """Asks one path of one server."""

    def __init__(self, folder: Path) -> None:
        found = shutil.which("wrk")
        if found is None:
            raise DevStackError("wrk is not installed: `make bench` does it; Debian, Ubuntu: apt-get install wrk")
        self._program = found
        self._folder = folder

    def run(self, path: str, port: int, seconds: int, etag: str) -> Told:
        """Ask as fast as the answers come, on CONNECTIONS connections, for `seconds`.

        Raises:
            DevStackError: nothing listens there, or nothing answers.
        """
        script = self._folder / f"{path}.lua"
        script.write_text(SCRIPTS[path].replace("ETAG", etag) + TOLD)
        command = [self._program, "-t", "1", "-c", str(CONNECTIONS), "-d", f"{seconds}s", "-s", str(script)]
        try:
            ended = subprocess.run(
                [*command, f"http://127.0.0.1:{port}"],
                capture_output=True,
                text=True,
                timeout=seconds + SPARE_SECONDS,
                check=False,
                preexec_fn=lambda: os.sched_setaffinity(0, {LOAD_CPU}),
            )
        except subprocess.TimeoutExpired:
            raise DevStackError(f"wrk did not end within {seconds + SPARE_SECONDS} s") from None
        found = re.search(r"^TOLD (\d+) (\d+) (\d+) (\d+) (\d+)$", ended.stdout, re.MULTILINE)
        if found is None:
            raise DevStackError(f"wrk: {ended.stdout}{ended.stderr}")
        requests, microseconds, p50, p99, errors = map(int, found.groups())
        return Told(requests, microseconds / 1e6, p50 / 1000, p99 / 1000, errors)
