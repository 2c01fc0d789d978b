"""Starts parts, starts those again that end by themselves, and stops all in order."""

import signal
import time
from collections import defaultdict

from flask_scale.dev.output import MergedLog, last_lines
from flask_scale.dev.process import Process
from flask_scale.dev.record import Record
from flask_scale.errors import DevStackError

#: A part may end by itself this often within this many seconds; once more ends the whole.
RESTARTS = 3
RESTARTS_SECONDS = 30.0

#: Seconds between two looks at the parts.
LOOK_SECONDS = 0.1


class Supervisor:
    """Looks after parts. Call it from the main thread."""

    def __init__(self, output: MergedLog, record: Record) -> None:
        self._output = output
        self._record = record
        self._batches: list[tuple[Process, ...]] = []
        self._ends: defaultdict[str, list[float]] = defaultdict(list)
        self._coming_back: dict[str, float] = {}

    @property
    def parts(self) -> list[Process]:
        """All parts, in the order of their start."""
        return [part for batch in self._batches for part in batch]

    def start(self, *batch: Process) -> None:
        """Start parts at once, and wait until all of them answer.

        Raises:
            DevStackError: one cannot run; the message ends with the last lines of its log.
        """
        began = time.monotonic()
        self._batches.append(batch)
        for part in batch:
            part.launch()
        self._record.write(self.parts)
        for part in batch:
            try:
                part.wait_ready()
            except DevStackError as error:
                raise DevStackError("\n".join([str(error), *last_lines(part.log)])) from None
            self._output.say(f"{part.name} is ready after {time.monotonic() - began:.1f} s")

    def watch(self) -> None:
        """Look after the parts until one of them cannot run.

        Raises:
            DevStackError: a part ended too often; the message ends with the last lines of its log.
        """
        while True:
            self._output.flush()
            for part in self.parts:
                self._look_at(part)
            time.sleep(LOOK_SECONDS)

    def stop(self) -> None:
        """Stop the parts, the last started first. A second Ctrl-C meanwhile kills what is left."""
        try:
            for batch in reversed(self._batches):
                for part in batch:
                    part.ask_to_stop()
                for part in batch:
                    part.wait_stopped()
        except KeyboardInterrupt:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        for part in self.parts:
            part.kill()
        self._output.flush()
        self._record.remove()

    def _look_at(self, part: Process) -> None:
        if not part.running:
            self._start_again(part)
        elif part.name in self._coming_back:
            self._welcome_back(part)

    def _start_again(self, part: Process) -> None:
        now = time.monotonic()
        ends = self._ends[part.name]
        ends[:] = [*(end for end in ends if now - end < RESTARTS_SECONDS), now]
        how = _how_it_ended(part)
        if len(ends) > RESTARTS:
            message = f"{part.name} {how}, for the {len(ends)}th time within {RESTARTS_SECONDS:.0f} s: see {part.log}"
            raise DevStackError("\n".join([message, *last_lines(part.log)]))
        self._output.say(f"{part.name} {how}: starting it again ({len(ends)} of {RESTARTS})", error=True)
        part.kill()
        part.launch()
        self._coming_back[part.name] = now
        self._record.write(self.parts)

    def _welcome_back(self, part: Process) -> None:
        waited = time.monotonic() - self._coming_back[part.name]
        if part.is_ready():
            del self._coming_back[part.name]
            self._output.say(f"{part.name} is back after {waited:.1f} s")
        elif waited > part.ready_seconds:
            raise DevStackError(f"{part.name} did not come back within {part.ready_seconds:g} s: see {part.log}")


def _how_it_ended(part: Process) -> str:
    code = part.exit_code or 0
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
