"""A run as one picture: what was asked, what was served, and what was done to the service meanwhile."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from tests.load.figures import Series, series
from tests.load.history import History

#: (seconds since 1970, values by series). "api wanted" and "api ready" are replicas, all others queues.
Sample = tuple[float, Mapping[str, float]]
#: (seconds since 1970, label)
Event = tuple[float, str]

#: In pixels.
WIDTH, HEIGHT, DPI = 1200, 900, 100

WANTED, READY = " wanted", " ready"

#: Most rows of labels above the panels, and how far apart labels stand, in pixels.
LABEL_ROWS = 6
LABEL_GAP = 8

GREY, BLUE, RED, ORANGE, PURPLE, GREEN = "#555555", "#1f77b4", "#d62728", "#ff9f1c", "#8e44ad", "#2a9d3a"
COLOURS = (BLUE, GREEN, PURPLE, ORANGE)

Panel = Callable[[Axes], None]


def draw(
    path: Path, history: History, *, samples: Sequence[Sample] = (), events: Sequence[Event] = (), title: str = ""
) -> None:
    """Write the picture as PNG.

    Args:
        samples: Panels without a series are left out.
        events: Lines through all panels, with their label above. Best under 20 characters each.
    """
    seen = series(history)
    begin = seen.begin
    moved = [(at - begin, values) for at, values in samples]
    panels: list[Panel] = [
        lambda axes: _rates(axes, seen),
        lambda axes: _latencies(axes, seen),
        lambda axes: _failures(axes, seen),
    ]
    names = list(dict.fromkeys(name for _, values in samples for name in values))
    replicas = [name for name in names if name.endswith((WANTED, READY))]
    queues = [name for name in names if name not in replicas]
    if replicas:
        panels.append(lambda axes: _replicas(axes, moved, replicas))
    if queues:
        panels.append(lambda axes: _queues(axes, moved, queues))
    path.parent.mkdir(parents=True, exist_ok=True)
    with pyplot.rc_context({"font.size": 10, "axes.spines.top": False, "axes.spines.right": False}):
        times = [0, len(seen.seconds), *(at for at, _ in moved), *(at - begin for at, _ in events)]
        figure = _figure(panels, (min(times), max(times)), [(at - begin, label) for at, label in events], title)
        figure.savefig(path, dpi=DPI)
        pyplot.close(figure)


def _figure(panels: Sequence[Panel], times: tuple[float, float], events: Sequence[Event], title: str) -> Figure:
    figure, axes = pyplot.subplots(
        len(panels),
        sharex=True,
        squeeze=False,
        figsize=(WIDTH / DPI, HEIGHT / DPI),
        dpi=DPI,
        height_ratios=[3, 3, 2, 2, 2][: len(panels)],
    )
    column: list[Axes] = list(axes[:, 0])
    for panel, one in zip(panels, column, strict=True):
        panel(one)
        one.grid(axis="y", color="#dddddd", linewidth=0.6)
        one.set_axisbelow(True)
        if one.get_legend_handles_labels()[0]:
            one.legend(loc="upper left", bbox_to_anchor=(1.005, 1.0), frameon=False, borderaxespad=0)
    column[0].set_xlim(*times)
    column[-1].set_xlabel("seconds after the first request")
    figure.subplots_adjust(left=0.075, right=0.87, bottom=0.06, top=0.93, hspace=0.16)
    rows = _label(figure, column, events)
    figure.subplots_adjust(top=0.93 - 0.021 * rows)
    if title:
        figure.text(0.075, 0.965, title, fontsize=13, fontweight="bold", va="center")
    figure.align_ylabels(column)
    return figure


def _label(figure: Figure, column: Sequence[Axes], events: Sequence[Event]) -> int:
    """Draw the events' lines, and their labels in as many rows as they need; gives the rows."""
    top = column[0]
    ends: list[float] = []
    right = top.get_window_extent().x1
    for at, label in sorted(events):
        for axes in column:
            axes.axvline(at, color="black", linewidth=0.9, linestyle=(0, (4, 3)), alpha=0.6)
        place = top.get_xaxis_transform()
        text = top.annotate(label, (at, 1.0), xytext=(0, 0), xycoords=place, textcoords="offset points")
        text.set_fontsize(9)
        box = text.get_window_extent()
        left = min(box.x0, right - box.width)
        row = next((row for row, end in enumerate(ends) if end + LABEL_GAP < left), len(ends))
        row = min(row, LABEL_ROWS - 1)
        ends[row : row + 1] = [left + box.width]
        text.set_position(((left - box.x0) * 72 / DPI, 4 + 13 * row))
        text.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 0.5})
    return len(ends)


def _rates(axes: Axes, seen: Series) -> None:
    times = range(len(seen.seconds))
    served = [second.served for second in seen.seconds]
    axes.fill_between(times, served, step="post", color=BLUE, alpha=0.35, linewidth=0, label="served")
    axes.step(times, [second.offered for second in seen.seconds], where="post", color=GREY, label="offered")
    axes.set_ylabel("requests / s")
    axes.set_ylim(bottom=0)


def _latencies(axes: Axes, seen: Series) -> None:
    middles = [number + 0.5 for number in range(len(seen.seconds))]
    dot = "." if len(middles) < 120 else None
    axes.plot(middles, [1000 * one.p99 for one in seen.seconds], color=RED, linewidth=1.2, marker=dot, label="p99")
    axes.plot(middles, [1000 * one.p50 for one in seen.seconds], color=BLUE, linewidth=1.2, marker=dot, label="p50")
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 3)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_ylabel("latency, ms")


def _failures(axes: Axes, seen: Series) -> None:
    middles = [number + 0.5 for number in range(len(seen.seconds))]
    bottoms = [0] * len(middles)
    for name, colour in {"failed": RED, "unknown": PURPLE, "shed": ORANGE}.items():
        counts = [getattr(second, name) for second in seen.seconds]
        label = f"{name}: {sum(counts):,}"
        axes.bar(middles, counts, bottom=bottoms, width=1.0, color=colour, label=label)
        bottoms = [low + high for low, high in zip(bottoms, counts, strict=True)]
    axes.set_ylabel("not served / s")
    axes.set_ylim(0, max(1.0, *(1.1 * bottom for bottom in bottoms)) if bottoms else 1.0)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))


def _replicas(axes: Axes, samples: Sequence[Sample], names: Sequence[str]) -> None:
    components = list(dict.fromkeys(name.removesuffix(WANTED).removesuffix(READY) for name in names))
    for component, colour in zip(components, COLOURS, strict=False):
        for suffix, style in {WANTED: ":", READY: "-"}.items():
            times, values = _values(samples, component + suffix)
            if component + suffix in names:
                label = component + suffix
                axes.step(times, values, where="post", color=colour, linestyle=style, linewidth=1.8, label=label)
    axes.set_ylabel("replicas")
    axes.set_ylim(0, 0.5 + 1.15 * max(values[name] for _, values in samples for name in names if name in values))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))


def _queues(axes: Axes, samples: Sequence[Sample], names: Sequence[str]) -> None:
    for name, colour in zip(names, COLOURS, strict=False):
        times, values = _values(samples, name)
        axes.fill_between(times, values, step="post", color=colour, alpha=0.25, linewidth=0)
        axes.step(times, values, where="post", color=colour, label=name)
    axes.set_ylabel("queue, jobs")
    axes.set_ylim(0, max(1.0, axes.get_ylim()[1]))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))


def _values(samples: Iterable[Sample], name: str) -> tuple[list[float], list[float]]:
    """A series; NaN, which draws nothing, where a sample has it not."""
    found = [(at, values.get(name, math.nan)) for at, values in samples]
    return [at for at, _ in found], [value for _, value in found]
