"""A run as a process of its own, so that the test that breaks things does not slow the client down."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

from tests.load import figures
from tests.load.generator import REPORT, Tally
from tests.load.history import FILE, History
from tests.load.plan import Plan
from tests.load.target import Target

ROOT = Path(__file__).parents[2]

#: Longest wait for the first right answer.
BEGIN_SECONDS = 30.0
#: What the client takes to start, and to read its history at the end.
SPARE_SECONDS = 60.0

LOG = "client.log"

#: How a judgement of requests that were not served begins.
NOT_ALL_SERVED = "not all were served: "


class LoadBroken(AssertionError):
    """The client itself did not work: its log stands in the message."""


class Run:
    """What a run came to."""

    def __init__(self, plan: Plan, history: History, client: Tally) -> None:
        self.plan = plan
        self.history = history
        #: How the client itself did: `late_starts`, `cpu_seconds` of `seconds`.
        self.client = client
        self.totals = figures.totals(history)

    def assert_none_failed(self, *, unknown: int = 0) -> None:
        """Pass where every request got its right answer, or was shed and the plan allows that.

        `unknown` POSTs may have been cut off, provided that a further attempt then got the right answer.
        """
        totals = self.totals
        assert totals.ok > 0, f"nothing was served: {totals}"
        wrong = totals.failed + totals.unresolved + (0 if self.plan.may_shed else totals.shed)
        assert wrong == 0, f"{NOT_ALL_SERVED}{totals}\n{self.failures()}"
        assert totals.unknown <= unknown, f"{NOT_ALL_SERVED}{totals}\n{self.failures()}"

    def failures(self, most: int = 10) -> str:
        """The first of them, a line each."""
        wrong = ("fail", "unknown") if self.plan.may_shed else ("fail", "unknown", "shed")
        found = (event for event in self.history.events if event.event in wrong)
        return "\n".join(
            f"{time.strftime('%H:%M:%S', time.localtime(event.at))} {event.event} {event.kind} {event.number} "
            f"after {event.latency:.3f} s: {event.status or ''} {event.error or ''}"
            for event, _ in zip(found, range(most), strict=False)
        )


class Load:
    """One run of a plan; its files are in `folder`, where those of an earlier run are removed.

    Use it as a context manager: whatever happens, the client ends with it.
    """

    def __init__(self, plan: Plan, target: Target, folder: Path) -> None:
        self.plan = plan
        self.folder = folder
        self._target = target
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> "Load":
        self.start()
        try:
            self.until_under_way()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(self, *_exception: object) -> None:
        self.kill()

    @property
    def ended(self) -> bool:
        """Whether the client has ended, or was never started."""
        return self._process is None or self._process.poll() is not None

    def kill(self) -> None:
        """End the client at once; what it has not written is lost."""
        if self._process and not self.ended:
            self._process.kill()
            self._process.wait()

    def start(self) -> None:
        """Start the client."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for name in (FILE, REPORT, LOG):
            (self.folder / name).unlink(missing_ok=True)
        with (self.folder / LOG).open("w") as log:
            self._process = subprocess.Popen(
                self._command(), cwd=ROOT, stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT, text=True
            )
        stdin = self._process.stdin
        assert stdin
        _hand_over(stdin, self._target.key)

    def until_under_way(self) -> None:
        """Wait for the first right answer.

        Raises:
            LoadBroken: there was none within `BEGIN_SECONDS`, or the client ended.
        """
        deadline = time.monotonic() + BEGIN_SECONDS
        while not self._has_served():
            if self.ended and not self._has_served():
                raise LoadBroken(f"the client ended: {self._log()}")
            if time.monotonic() > deadline:
                raise LoadBroken(f"no right answer within {BEGIN_SECONDS} s: {self._log()}")
            time.sleep(0.05)

    def finish(self) -> Run:
        """Wait for the plan's end."""
        return self._result(self.plan.seconds)

    def stop(self) -> Run:
        """Begin no more requests, and wait for those under way."""
        if not self.ended:
            self._client.terminate()
        return self._result(0)

    @property
    def _client(self) -> subprocess.Popen[str]:
        assert self._process, "start it first"
        return self._process

    def _result(self, seconds: float) -> Run:
        longest = seconds + 2 * self.plan.timeout_seconds + self.plan.resolve_seconds + SPARE_SECONDS
        try:
            self._client.wait(longest)
        except subprocess.TimeoutExpired:
            raise LoadBroken(f"the client did not end within {longest} s: {self._log()}") from None
        if not (self.folder / REPORT).exists():
            raise LoadBroken(f"the client ended with code {self._client.returncode}: {self._log()}")
        client = Tally(**json.loads((self.folder / REPORT).read_text()))
        return Run(self.plan, History.read(self.folder / FILE), client)

    def _has_served(self) -> bool:
        try:
            return any(event.event == "ok" for event in History.read(self.folder / FILE).events)
        except (FileNotFoundError, ValueError):
            return False

    def _log(self) -> str:
        return (self.folder / LOG).read_text()[-3000:]

    def _command(self) -> list[str]:
        plan = self.plan
        options = {
            "url": self._target.url,
            "host": self._target.host,
            "key-file": "-",
            "out": self.folder.absolute(),
            "max-requests": plan.max_requests,
            "seed": plan.seed,
            "timeout": plan.timeout_seconds,
            "resolve": plan.resolve_seconds,
            "connections": plan.connections,
            "fresh": plan.fresh,
        }
        words = [f"--{name}={value}" for name, value in options.items()]
        words += [f"--step={step.seconds}:{step.rate}" for step in plan.steps]
        words += [f"--mix={kind}={share}" for kind, share in plan.mix.items()]
        words += ["--may-shed"] if plan.may_shed else []
        return [sys.executable, "-m", "tests.load", *words]


def _hand_over(stdin: IO[str], key: str) -> None:
    """By standard input: arguments and files can be read by others."""
    try:
        stdin.write(key)
        stdin.close()
    except BrokenPipeError:
        pass  # it ended already: `until_under_way` says why
