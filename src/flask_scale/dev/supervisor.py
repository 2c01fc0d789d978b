"""Starts parts, starts those again that end by themselves, and stops all in order."""

import signal
import time
from collections import defaultdict

from flask_scale.dev.output import MergedLog
from flask_scale.dev.process import Process
from flask_scale.dev.record import Record
from flask_scale.errors import DevStackError

#: A part may end by itself this often within this many seconds; once more ends the whole.
RESTARTS = 3
RESTARTS_SECONDS = 30.0

#: Seconds between two looks at the parts.
LOOK_SECONDS = 0.05


class Supervisor:
    """Looks after parts. Call it from the main thread.

    `start`, `wait` and `watch` raise DevStackError where a part cannot run: it ended while it started for the
    first time, did not answer in time, or ended too often. The message ends with the last lines of its log.
    """

    def __init__(self, output: MergedLog, record: Record) -> None:
        self._output = output
        self._record = record
        self._batches: list[tuple[Process, ...]] = []
        self._starting: dict[str, float] = {}
        self._ends: defaultdict[str, list[float]] = defaultdict(list)

    @property
    def parts(self) -> list[Process]:
        """All parts, in the order of their start."""
        return [part for batch in self._batches for part in batch]

    def start(self, *batch: Process) -> None:
        """Start parts at once, and wait until all of them answer."""
        self.launch(*batch)
        self.wait()

    def launch(self, *batch: Process) -> None:
        """Start parts at once, to be waited for later."""
        self._batches.append(batch)
        for part in batch:
            self._launch(part)

    def wait(self) -> None:
        """Wait until all parts answer."""
        while self._starting:
            self._look()

    def watch(self) -> None:
        """Look after the parts until one of them cannot run."""
        while True:
            self._look()

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

    def _look(self) -> None:
        self._output.flush()
        for part in self.parts:
            try:
                self._look_at(part)
            except DevStackError as error:
                raise DevStackError("\n".join([str(error), *self._output.unseen_end(part.log)])) from None
        time.sleep(LOOK_SECONDS)

    def _look_at(self, part: Process) -> None:
        began_before = part.name not in self._starting or self._ends[part.name]
        if began_before and not part.running:
            self._start_again(part)
        elif part.name in self._starting and part.has_come_up():
            waited = time.monotonic() - self._starting.pop(part.name)
            again = " again" if self._ends[part.name] else ""
            self._output.say(f"{part.name} is ready{again} after {waited:.1f} s")

    def _start_again(self, part: Process) -> None:
        now = time.monotonic()
        ends = [*(end for end in self._ends[part.name] if now - end < RESTARTS_SECONDS), now]
        self._ends[part.name] = ends
        how = f"{part.name} {part.how_it_ended()}"
        if len(ends) > RESTARTS:
            raise DevStackError(f"{how}, time {len(ends)} within {RESTARTS_SECONDS:.0f} s: see {part.log}")
        self._output.say(f"{how}: starting it again ({len(ends)} of {RESTARTS})", error=True)
        part.kill()
        self._launch(part)

    def _launch(self, part: Process) -> None:
        self._starting[part.name] = time.monotonic()
        part.launch()
        self._record.write(self.parts)
