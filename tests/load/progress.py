"""How a run goes, for a person: a bar on a terminal, a line each ten seconds elsewhere."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from tests.load.generator import Tally

LINE_SECONDS = 10.0
BAR_SECONDS = 0.25


def describe(tally: Tally) -> str:
    """The counts in a line."""
    counts = {"ok": tally.ok, "failed": tally.failed, "shed": tally.shed, "unknown": tally.unknown}
    text = ", ".join(f"{count} {name}" for name, count in counts.items())
    late = f", {tally.late_starts} begun late by this client" if tally.late_starts else ""
    return f"{tally.offered} offered: {text}{late}"


async def show(tally: Tally, seconds: float, console: Console) -> None:
    """Show it until cancelled; `seconds` is the plan's time."""
    begin = time.monotonic()
    with _display(seconds, console) as display:
        while True:
            await asyncio.sleep(BAR_SECONDS if console.is_terminal else LINE_SECONDS)
            display(time.monotonic() - begin, describe(tally))


@contextmanager
def _display(seconds: float, console: Console) -> Iterator[Callable[[float, str], None]]:
    if not console.is_terminal:
        yield lambda elapsed, text: console.print(f"{elapsed:6.0f} s  {text}", highlight=False, soft_wrap=True)
        return
    columns = (BarColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console) as progress:
        line = progress.add_task("", total=seconds)
        yield lambda elapsed, text: progress.update(line, completed=elapsed, description=text)
