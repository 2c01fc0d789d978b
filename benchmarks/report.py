"""What a run leaves: results/bench.json, a table, and a picture."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
from rich.console import Console
from rich.table import Table

from benchmarks.figures import Failure, Row

TITLES = {
    "r": "(a) a cached report, gzip",
    "c": "(d) the same, asked whether it changed",
    "i": "(b) one row from PostgreSQL",
    "j": "(c) a job enqueued",
    "e": "(e) a job done",
}

OURS, THEIRS = "#1b7f5c", "#9aa5b1"


def print_tables(
    console: Console, rows: Sequence[Row], failures: Sequence[Failure], gates: Sequence[dict[str, Any]]
) -> None:
    """The rows by path, those without figures last, then the gates."""
    for path, title in TITLES.items():
        found = [row for row in rows if row.path == path]
        failed = [failure for failure in failures if failure.path == path]
        if not found and not failed:
            continue
        table = Table(title=title, title_justify="left")
        table.add_column("contender")
        for name in ("CPU us a request", "stores'", "less than the base", "requests/s", "p50 ms", "p99 ms", "errors"):
            table.add_column(name, justify="right")
        for row in found:
            table.add_row(
                row.name,
                f"{row.cpu.median:.0f}",
                f"{row.stores:.0f}",
                f"{row.ratio.median:.2f}x [{row.ratio.low:.2f}, {row.ratio.high:.2f}]" if row.ratio else "",
                f"{row.rate.median:,.0f}",
                _shown(row.p50),
                _shown(row.p99),
                str(row.errors),
            )
        for failure in failed:
            table.add_row(failure.name, "FAILED", style="red")
        console.print(table)
        for failure in failed:
            console.print(f"{failure.name} failed: {failure.reason}", style="red", markup=False, highlight=False)
    for gate in gates:
        moonshot = f", moonshot {gate['moonshot']:g}x" if gate["moonshot"] else ""
        mark = "holds" if gate["holds"] else "MISSED"
        console.print(
            f"{TITLES[gate['path']][:3]} {gate['name']} against {gate['against']}: "
            f"{gate['found']['median']:.2f}x (gate {gate['least']:g}x{moonshot}): {mark}"
        )


def _shown(milliseconds: float | None) -> str:
    return "" if milliseconds is None else f"{milliseconds:.1f}"


def write(
    file: Path,
    rows: Sequence[Row],
    failures: Sequence[Failure],
    gates: Sequence[dict[str, Any]],
    about: dict[str, Any],
) -> None:
    """Everything, for programs."""
    file.parent.mkdir(parents=True, exist_ok=True)
    found = {"about": about, "rows": [*map(asdict, rows)], "failed": [*map(asdict, failures)], "gates": list(gates)}
    file.write_text(json.dumps(found, indent=1, allow_nan=False) + "\n")


def draw(file: Path, rows: Sequence[Row]) -> None:
    """Bars of CPU time a request with their intervals, a field for each path; nothing where there is no row."""
    if not rows:
        return
    paths = [path for path in TITLES if any(row.path == path for row in rows)]
    heights = [sum(row.path == path for row in rows) for path in paths]
    plt.switch_backend("Agg")
    figure, fields = plt.subplots(
        len(paths), 1, figsize=(9, 1.2 + 0.42 * sum(heights)), squeeze=False, gridspec_kw={"height_ratios": heights}
    )
    for axes, path in zip(fields[:, 0], paths, strict=True):
        found = [row for row in rows if row.path == path][::-1]
        values = [row.cpu.median for row in found]
        errors = [[row.cpu.median - row.cpu.low for row in found], [row.cpu.high - row.cpu.median for row in found]]
        colours = [OURS if row.name.startswith("flask_scale") else THEIRS for row in found]
        axes.barh([row.name for row in found], values, xerr=errors, color=colours, capsize=2, height=0.7)
        for place, row in enumerate(found):
            less = f"  ({row.ratio.median:.1f}x)" if row.ratio else ""
            axes.text(row.cpu.high, place, f"  {row.cpu.median:,.0f}{less}", va="center", size=8)
        axes.set_title(TITLES[path], loc="left", size=10)
        axes.set_xlim(0, max(row.cpu.high for row in found) * 1.2)
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=8)
    fields[-1, 0].set_xlabel("CPU time of all server processes, microseconds a request (times less than the base)")
    figure.tight_layout()
    figure.savefig(file, dpi=130)
    plt.close(figure)
