"""A timeline is a picture of the promised size, whatever there is to show."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from matplotlib import pyplot
from matplotlib.figure import Figure
from matplotlib.image import imread

from tests.load import timeline
from tests.load.history import History
from tests.load.timeline import HEIGHT, WIDTH, draw
from tests.unit.load.runs import RUN, event

EVENTS = [
    one
    for second in range(20)
    for one in (
        event("invoke", second, "read_user", second),
        event("ok", second, "read_user", second + 0.1, due=second),
    )
]
SAMPLES = [
    (1000.0 + second, {"api wanted": 3, "api ready": 2 + (second > 5), "queued": 10 * second}) for second in range(20)
]


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Figure]]:
    """The figures, kept until the test's end."""
    figures: list[Figure] = []
    with monkeypatch.context() as patched:
        patched.setattr(timeline.pyplot, "close", figures.append)
        yield figures
    pyplot.close("all")


def picture(path: Path, **options: Any) -> None:
    draw(path / "folder" / "timeline.png", History(RUN, EVENTS), **options)
    assert imread(path / "folder" / "timeline.png").shape[:2] == (HEIGHT, WIDTH)


def test_all_panels_share_the_seconds_of_the_run(tmp_path: Path, drawn: list[Figure]) -> None:
    picture(tmp_path, samples=SAMPLES, events=[(1005.0, "rollout")], title="A rollout")
    labels = [axes.get_ylabel() for axes in drawn[0].axes]
    assert labels == ["requests / s", "latency, ms", "not served / s", "replicas", "queue, jobs"]
    assert {tuple(axes.get_xlim()) for axes in drawn[0].axes} == {(0.0, 20.0)}


def test_nothing_is_drawn_where_a_sample_has_no_figure(tmp_path: Path, drawn: list[Figure]) -> None:
    gap = [(at, values if number != 7 else {}) for number, (at, values) in enumerate(SAMPLES)]
    picture(tmp_path, samples=gap)
    lines = [line for axes in drawn[0].axes[3:] for line in axes.lines]
    assert len(lines) == 3
    assert all([number for number, value in enumerate(line.get_ydata()) if value != value] == [7] for line in lines)


def test_panels_without_a_series_are_left_out(tmp_path: Path, drawn: list[Figure]) -> None:
    picture(tmp_path)
    assert len(drawn[0].axes) == 3


def test_a_history_of_nothing_is_drawn_too(tmp_path: Path) -> None:
    draw(tmp_path / "timeline.png", History(RUN, []), samples=SAMPLES, events=[(1001.0, "nothing came")])
    assert (tmp_path / "timeline.png").exists()


def test_labels_do_not_lie_on_each_other(tmp_path: Path, drawn: list[Figure]) -> None:
    picture(tmp_path, events=[(1000.0 + second, f"rollout {second}") for second in (2, 2.5, 3, 8, 8.2, 19.5)])
    top = drawn[0].axes[0]
    boxes = [text.get_window_extent() for text in top.texts]
    assert len(boxes) == 6
    for number, box in enumerate(boxes):
        assert box.x1 <= top.get_window_extent().x1 + 1
        assert not any(box.overlaps(other) for other in boxes[number + 1 :])


def test_what_happened_before_or_after_the_load_is_in_the_picture(tmp_path: Path, drawn: list[Figure]) -> None:
    picture(tmp_path, samples=[(1040.0, {"queued": 3})], events=[(990.0, "installed")])
    assert drawn[0].axes[0].get_xlim() == (-10.0, 40.0)
