"""The folder of a stack belongs to one stack at a time, and tells scripts about it."""

import json
import os
import stat
from pathlib import Path

import pytest

from flask_scale.dev.folder import Folder
from flask_scale.errors import DevStackError


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / ".flask-scale")


def test_a_second_stack_is_told_where_the_first_runs(folder: Folder) -> None:
    with folder.exclusively():
        folder.publish({"url": "http://127.0.0.1:8000"})
        with (
            pytest.raises(DevStackError, match=rf"runs already at http://127.0.0.1:8000 \(process {os.getpid()}\)"),
            Folder(folder.path).exclusively(),
        ):
            pass


def test_a_second_stack_is_told_to_wait_while_the_first_starts(folder: Folder) -> None:
    with (
        folder.exclusively(),
        pytest.raises(DevStackError, match="starting or ending"),
        Folder(folder.path).exclusively(),
    ):
        pass


def test_a_lock_file_and_facts_that_a_crash_left_are_no_obstacle(folder: Folder) -> None:
    with folder.exclusively():
        folder.publish({"url": "gone"})
    with folder.exclusively():
        assert not (folder.path / "dev.json").exists()


def test_the_facts_are_for_their_owner_alone_and_gone_when_retracted(folder: Folder) -> None:
    with folder.exclusively():
        folder.publish({"url": "http://127.0.0.1:8000", "api_key": "key"})
        file = folder.path / "dev.json"
        assert json.loads(file.read_text()) == {"url": "http://127.0.0.1:8000", "api_key": "key", "pid": os.getpid()}
        assert stat.S_IMODE(file.stat().st_mode) == 0o600

        folder.retract()
        assert not file.exists()


def test_logs_begin_empty_at_each_start(folder: Folder) -> None:
    with folder.exclusively():
        folder.log("api-1").write_text("old")
    with folder.exclusively():
        assert not folder.log("api-1").exists()


def test_git_ignores_the_folder(folder: Folder) -> None:
    with folder.exclusively():
        assert (folder.path / ".gitignore").read_text() == "*\n"
