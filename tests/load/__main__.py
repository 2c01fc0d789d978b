"""`python -m tests.load`: load on this machine's user directory, from a terminal or as a child of a test."""

import asyncio
import contextlib
import json
import os
import secrets
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

import click
from rich.console import Console

from tests.load import figures, progress
from tests.load.generator import REPORT, Generator, Tally
from tests.load.history import FILE, History, HistoryWriter
from tests.load.plan import DEFAULT_MIX, KINDS, MAX_RATE, MAX_SECONDS, Plan, Step
from tests.load.target import Target


class Pair(click.ParamType[Any]):
    """Two numbers, or a name and a number, with a sign between."""

    def __init__(self, name: str, sign: str, first: type) -> None:
        self.name = name
        self._sign = sign
        self._first = first

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[Any, float]:
        try:
            first, second = value.split(self._sign)
            return self._first(first), float(second)
        except ValueError:
            self.fail(f"{value!r} is not {self.name}", param, ctx)


STEP = Pair("SECONDS:RATE", ":", float)
SHARE = Pair("KIND=SHARE", "=", str)


@click.command()
@click.option("--url", required=True, help="http:// on this machine; the directory's root.")
@click.option("--key-file", type=click.File(), help="Holds an API key: users:read, users:write, jobs. - is stdin.")
@click.option("--host", default="", help="Sent as Host, for an Ingress.")
@click.option("--rate", type=click.FloatRange(0, MAX_RATE), default=150, show_default=True, help="Requests a second.")
@click.option("--seconds", type=click.FloatRange(0, MAX_SECONDS, min_open=True), default=60, show_default=True)
@click.option("--step", "steps", type=STEP, multiple=True, help="Instead of both: so long so many a second. Repeat it.")
@click.option("--mix", type=SHARE, multiple=True, help=f"A kind's share; repeat it. Kinds: {', '.join(KINDS)}.")
@click.option("--max-requests", type=click.IntRange(1), default=Plan.max_requests, show_default=True)
@click.option("--seed", type=int, default=Plan.seed, show_default=True)
@click.option("--may-shed", is_flag=True, help="A 503 with Retry-After is no failure.")
@click.option("--timeout", "timeout_seconds", type=float, default=Plan.timeout_seconds, show_default=True)
@click.option("--resolve", "resolve_seconds", type=float, default=Plan.resolve_seconds, show_default=True)
@click.option("--connections", type=click.IntRange(1, 4000), default=Plan.connections, show_default=True)
@click.option("--fresh", type=click.FloatRange(0, 1), default=Plan.fresh, help="Share that ends its connection.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder of the history.")
def main(
    url: str,
    key_file: IO[str] | None,
    host: str,
    rate: float,
    seconds: float,
    steps: Sequence[tuple[float, float]],
    mix: Sequence[tuple[str, float]],
    out: Path,
    **options: Any,
) -> None:
    """Send load to the user directory at --url, at a rate that is kept whatever it answers.

    Writes history.jsonl and client.json to --out. Ctrl-C or SIGTERM ends it well. The exit code is 1 where a
    request failed.

    \b
    Example:
      python -m tests.load --url http://127.0.0.1:8000 --key-file KEY --rate 150 --seconds 60 --out results/load
      python -m tests.load ... --step 60:100 --step 60:300 --step 60:100 --may-shed
    """
    try:
        target = Target(url, key_file.read().strip() if key_file else "", host)
        timing = [Step(*step) for step in steps] or [Step(seconds, rate)]
        plan = Plan(timing, mix=dict(mix) or DEFAULT_MIX, **options)
        out.mkdir(parents=True, exist_ok=True)
        run = secrets.token_hex(4)
        writer = HistoryWriter(out / FILE, run)
    except FileExistsError:
        raise click.UsageError(f"{out} holds a history already: choose another folder") from None
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    _take_precedence()
    console = Console(file=sys.stdout)
    tally = asyncio.run(_carry_out(Generator(plan, target, writer, run), plan, console))
    writer.close()
    (out / REPORT).write_text(json.dumps(asdict(tally)) + "\n")
    console.print(_summary(History.read(out / FILE), tally), highlight=False, soft_wrap=True)
    failed = tally.failed + (0 if plan.may_shed else tally.shed)
    sys.exit(1 if failed else 0)


def _take_precedence() -> None:
    """Run before all that is loaded, where the system lets us: else a full machine delays requests unsent.

    Not by `nice`: Linux weighs it within one session only.
    """
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))


async def _carry_out(generator: Generator, plan: Plan, console: Console) -> Tally:
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, generator.end)
    shown = asyncio.create_task(progress.show(generator.tally, plan.seconds, console))
    try:
        return await generator.run()
    finally:
        shown.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await shown


def _summary(history: History, tally: Tally) -> str:
    totals = figures.totals(history)
    share = 100 * tally.cpu_seconds / tally.seconds if tally.seconds else 0
    return (
        f"{totals}\nthis client: {share:.0f}% of a core, {tally.late_starts} late starts, "
        f"the worst by {1000 * tally.worst_lateness_seconds:.0f} ms"
    )


if __name__ == "__main__":
    main()
