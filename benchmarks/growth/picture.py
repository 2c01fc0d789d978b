"""What was found as a picture: answers and latency against what was offered, memory against URLs."""

from collections.abc import Callable
from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from benchmarks.growth.memory import Memory
from benchmarks.growth.overload import Overload

GREEN, GREY, RED, BLUE = "#1b7f5c", "#9aa5b1", "#d62728", "#1f77b4"


def draw(file: Path, overload: Overload | None, memory: Memory | None) -> bool:
    """Write what there is as PNG; False where there is nothing to draw."""
    fields: list[Callable[[Axes], None]] = []
    if overload:
        fields += [lambda axes: _goodput(axes, overload), lambda axes: _latency(axes, overload)]
    if memory:
        fields.append(lambda axes: _memory(axes, memory))
    if not fields:
        return False
    plt.switch_backend("Agg")
    figure, column = plt.subplots(len(fields), 1, figsize=(9, 3.2 * len(fields)), squeeze=False)
    for draw_field, axes in zip(fields, column[:, 0], strict=True):
        draw_field(axes)
        axes.set_ylim(bottom=None if axes.get_yscale() == "log" else 0)
        axes.grid(axis="y", color="#dddddd", linewidth=0.6)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize=8)
        axes.tick_params(labelsize=8)
    figure.tight_layout()
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=130)
    plt.close(figure)
    return True


def _goodput(axes: Axes, found: Overload) -> None:
    windows = list(found.windows.values())
    offered = [one.offered for one in windows]
    axes.plot(offered, offered, color=GREY, linestyle=":", label="offered")
    axes.plot(offered, [one.goodput for one in windows], color=GREEN, marker="o", label="answered")
    refused = [one.offered * one.refused_share for one in windows]
    axes.plot(offered, refused, color=RED, marker="o", label="refused (503, Retry-After)")
    axes.axvline(found.capacity, color=GREY, linewidth=0.8)
    axes.set_title(
        "one row from PostgreSQL, one worker, open loop; the line is what a closed loop gets", loc="left", size=10
    )
    axes.set_ylabel("answers/s", size=8)


def _latency(axes: Axes, found: Overload) -> None:
    windows = list(found.windows.values())
    offered = [one.offered for one in windows]
    axes.plot(offered, [one.p99 for one in windows], color=BLUE, marker="o", label="p99")
    axes.plot(offered, [one.p50 for one in windows], color=GREEN, marker="o", label="p50")
    axes.plot(offered, [one.refused_p50 for one in windows], color=RED, marker="o", label="p50 of refusals")
    axes.axvline(found.capacity, color=GREY, linewidth=0.8)
    axes.set_yscale("log")
    axes.set_ylabel("ms from the intended moment", size=8)
    axes.set_xlabel("offered, requests/s", size=8)


def _memory(axes: Axes, found: Memory) -> None:
    urls = [look.urls for look in found.looks]
    axes.plot(urls, [look.server for look in found.looks], color=GREEN, label="server")
    axes.plot(urls, [look.cache for look in found.looks], color=GREY, label="Valkey")
    axes.set_title("memory while ever other URLs go through the response cache", loc="left", size=10)
    axes.set_ylabel("MiB", size=8)
    axes.set_xlabel("URLs so far", size=8)
