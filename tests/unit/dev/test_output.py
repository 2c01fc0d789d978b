"""The merged log shows whole lines with the part's name."""

from pathlib import Path

import pytest

from flask_scale.dev.output import MergedLog


def test_a_line_is_shown_once_it_is_whole_with_the_name_of_its_part(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "api-1.log"
    output = MergedLog()
    output.follow("api-1", file)

    with file.open("a") as log:
        log.write("one\ntw")
        log.flush()
        output.flush()
        assert capsys.readouterr().out == "api-1       | one\n"
        log.write("o\n")
    output.flush()

    assert capsys.readouterr().out == "api-1       | two\n"


def test_bytes_that_are_no_text_do_not_end_the_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = MergedLog()
    output.follow("worker", tmp_path / "worker.log")
    (tmp_path / "worker.log").write_bytes(b"\xff!\n")
    output.flush()
    assert capsys.readouterr().out.endswith("!\n")


def test_the_end_of_a_log_explains_a_failure_unless_it_was_shown(tmp_path: Path) -> None:
    file = tmp_path / "postgres.log"
    file.write_text("".join(f"{number}\n" for number in range(100)))
    output = MergedLog()

    assert output.unseen_end(file)[-1] == "99"

    output.follow("postgres", file)
    assert output.unseen_end(file) == []
