"""A child process that is waited for, stopped in time, and never outlives its parent."""

import ctypes
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from flask_scale.dev.account import Account
from flask_scale.errors import DevStackError

#: Seconds between two looks at a process that is starting.
POLL_SECONDS = 0.02

#: Below the ports that Linux and macOS give to outgoing connections, above those of well-known servers.
SERVER_PORTS = range(10_000, 32_768)

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nothing listened on a moment ago, and that no outgoing connection takes."""
    while not port_is_free(port := secrets.choice(SERVER_PORTS)):
        pass
    return port


def ports_from(first: int) -> Iterator[int]:
    """The free ports from `first` upwards: the same ones at each start, as long as nobody takes them."""
    return (port for port in range(first, 65536) if port_is_free(port))


def port_is_free(port: int) -> bool:
    """True where a server could listen on 127.0.0.1:`port` now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


class Process:
    """One server as a child process in a process group of its own, its output in `log`.

    A subclass gives `command` and `is_ready`. Start it from the main thread: Linux ends the
    child when the thread that started it ends.
    """

    #: The signal that asks for an orderly end; also sent when the parent dies (Linux).
    stop_signal: signal.Signals = signal.SIGTERM
    #: Longest orderly end, in seconds; after it the process is killed.
    stop_seconds: float = 10.0
    #: Longest time until it is ready, in seconds.
    ready_seconds: float = 30.0

    def __init__(self, name: str, log: Path, *, account: Account | None = None) -> None:
        self.name = name
        self.log = log
        self.account = account
        self._popen: subprocess.Popen[bytes] | None = None
        self._launched = 0.0
        self._group_ended = False

    def command(self) -> Sequence[str | Path]:
        """The program and its arguments."""
        raise NotImplementedError

    def environment(self) -> Mapping[str, str] | None:
        """The child's environment; None gives it the parent's."""
        return None

    def is_ready(self) -> bool:
        """True once it answers. Must return within a second or so."""
        raise NotImplementedError

    def prepare(self) -> None:
        """What has to be there before the program starts, such as its files."""

    @property
    def pid(self) -> int:
        """The process id.

        Raises:
            DevStackError: it was never started.
        """
        if self._popen is None:
            raise DevStackError(f"{self.name} was not started")
        return self._popen.pid

    @property
    def running(self) -> bool:
        """True from `launch` until the process has ended."""
        return self._popen is not None and self._popen.poll() is None

    @property
    def exit_code(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        return None if self._popen is None else self._popen.poll()

    def start(self) -> None:
        """Start it and wait until it answers. Does nothing where it runs.

        Raises:
            DevStackError: it ended, or did not answer within `ready_seconds`; the message names the log.
        """
        self.launch()
        self.wait_ready()

    def launch(self) -> None:
        """Start it without waiting, so that several can come up at once."""
        if self.running:
            return
        self.prepare()
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self._launched = time.monotonic()
        self._group_ended = False
        with self.log.open("ab") as output:
            self._popen = subprocess.Popen(
                [str(word) for word in self.command()],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self.environment(),
                process_group=0,
                preexec_fn=_end_with_parent(self.stop_signal),
                **(self.account.popen_arguments() if self.account else {}),
            )

    def wait_ready(self) -> None:
        """Wait until it answers.

        Raises:
            DevStackError: as `start`.
        """
        asked = time.monotonic()
        while not self.has_come_up(asked):
            time.sleep(POLL_SECONDS)

    def has_come_up(self, asked: float = 0.0) -> bool:
        """Look once whether it answers; its time counts from `launch`, or from `asked` where that was later.

        Raises:
            DevStackError: as `start`.
        """
        if self.is_ready():
            return True
        if not self.running:
            raise DevStackError(f"{self.name} {self.how_it_ended()} at start: see {self.log}")
        if time.monotonic() - max(self._launched, asked) > self.ready_seconds:
            raise DevStackError(f"{self.name} did not answer within {self.ready_seconds:g} s: see {self.log}")
        return False

    def how_it_ended(self) -> str:
        """Words for its end: by itself with an exit code, or by a signal."""
        code = self.exit_code or 0
        return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"

    def stop(self) -> None:
        """Ask it to end and wait; kill it where it takes over `stop_seconds`."""
        self.ask_to_stop()
        self.wait_stopped()

    def ask_to_stop(self) -> None:
        """Send the stop signal without waiting, so that several can end at once."""
        if self.running:
            self.resume()
            self.signal(self.stop_signal)

    def wait_stopped(self) -> None:
        """Wait for the end that was asked for; kill it where that takes over `stop_seconds`."""
        if self._popen is None:
            return
        with suppress(subprocess.TimeoutExpired):
            self._popen.wait(self.stop_seconds)
        self.kill()

    def kill(self) -> None:
        """End it and its children at once, as a crash would. After it ended by itself: what it left in its group."""
        if self._popen is None or self._group_ended:
            return
        for process in self._family():
            with suppress(psutil.NoSuchProcess):
                process.kill()
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._popen.pid, signal.SIGKILL)
        self._popen.wait()
        self._group_ended = True

    def pause(self) -> None:
        """Freeze it and its children: connections stay open and nothing answers."""
        for process in self._family():
            with suppress(psutil.NoSuchProcess):
                process.suspend()

    def resume(self) -> None:
        """Go on after `pause`."""
        for process in reversed(self._family()):
            with suppress(psutil.NoSuchProcess):
                process.resume()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process alone, where it runs."""
        if self._popen is not None and self.running:
            self._popen.send_signal(number)

    def _family(self) -> list[psutil.Process]:
        if not self.running:
            return []
        try:
            parent = psutil.Process(self.pid)
            return [parent, *parent.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []


def _end_with_parent(number: signal.Signals) -> Callable[[], None] | None:
    if sys.platform != "linux":
        return None
    parent = os.getpid()

    def in_child() -> None:
        _libc.prctl(_PR_SET_PDEATHSIG, int(number))
        if os.getppid() != parent:
            os.kill(os.getpid(), number)

    return in_child
