"""A history comes back as it was written, as far as it was."""

from pathlib import Path

import pytest

from tests.load.history import Event, History, HistoryWriter

INVOKE = Event("invoke", 0, "create_user", 100.0, 5.0, 4.9, key="run-0", emails=("a@load.example.org",))
UNKNOWN = Event("unknown", 0, "create_user", 101.0, 6.0, 4.9, key="run-0", error="TimeoutError")
OK = Event("ok", 0, "create_user", 102.0, 7.0, 4.9, attempt=2, key="run-0", status=201, user=7)
READ = Event("invoke", 1, "read_user", 103.0, 8.0, 8.0)
BROKEN = Event("fail", 0, "create_user", 101.0, 6.0, 4.9, key="run-0", status=502)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "history.jsonl"
    writer = HistoryWriter(path, "run")
    for event in (INVOKE, UNKNOWN, OK, READ):
        writer.write(event)
    writer.close()
    return path


def test_events_come_back_as_they_were_written(path: Path) -> None:
    history = History.read(path)
    assert history.run == "run"
    assert history.events == [INVOKE, UNKNOWN, OK, READ]


def test_an_event_can_be_read_before_the_writer_ends(tmp_path: Path) -> None:
    writer = HistoryWriter(tmp_path / "history.jsonl", "run")
    writer.write(INVOKE)
    assert History.read(tmp_path / "history.jsonl").events == [INVOKE]
    writer.close()


@pytest.mark.parametrize("lost", [1, 5, 60])
def test_a_torn_last_line_is_left_out(path: Path, lost: int) -> None:
    path.write_bytes(path.read_bytes()[:-lost])
    assert History.read(path).events == [INVOKE, UNKNOWN, OK]


def test_a_torn_line_before_the_last_is_an_error(path: Path) -> None:
    lines = path.read_text().splitlines(keepends=True)
    lines[2] = lines[2][:20] + "\n"
    path.write_text("".join(lines))
    with pytest.raises(ValueError, match="in the midst"):
        History.read(path)


@pytest.mark.parametrize("text", ["", "{}\n", '{"ru'])
def test_a_file_that_does_not_name_its_run_is_no_history(path: Path, text: str) -> None:
    path.write_text(text)
    with pytest.raises(ValueError, match="is no history"):
        History.read(path)


def test_a_history_is_never_written_over(path: Path) -> None:
    with pytest.raises(FileExistsError):
        HistoryWriter(path, "other")


def test_latency_counts_from_the_intended_moment() -> None:
    assert OK.latency == pytest.approx(2.1)
    assert OK.intended_at == pytest.approx(99.9)


def test_an_operation_has_the_events_of_its_number_in_order() -> None:
    create, read = History("run", [INVOKE, READ, UNKNOWN, OK]).operations
    assert (create.first, create.accepted, create.unresolved) == (UNKNOWN, OK, False)
    assert (read.first, read.accepted, read.unresolved) == (None, None, False)


@pytest.mark.parametrize("outcomes", [[], [UNKNOWN], [BROKEN]])
def test_a_post_of_unknown_outcome_is_unresolved(outcomes: list[Event]) -> None:
    (operation,) = History("run", [INVOKE, *outcomes]).operations
    assert operation.unresolved


def test_a_post_that_was_never_sent_or_was_refused_is_not_unresolved() -> None:
    for status in (None, 422):
        refused = Event("fail", 0, "create_user", 101.0, 6.0, 4.9, key="run-0", status=status)
        (operation,) = History("run", [INVOKE, refused]).operations
        assert not operation.unresolved
