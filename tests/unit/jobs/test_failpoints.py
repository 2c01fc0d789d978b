"""Failpoints: off unless a folder is named, each file one fault, and nothing that they do not know."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import redis
from sqlalchemy.exc import OperationalError

import flask_scale
from flask_scale.errors import FailpointError, SettingsError
from flask_scale.jobs import failpoints
from flask_scale.settings import Settings
from scripts import settings_schema


@pytest.fixture
def folder(tmp_path):
    failpoints.use(str(tmp_path))
    yield tmp_path
    failpoints.use(None)


def test_they_are_off_where_no_setting_names_a_folder(tmp_path):
    failpoints.arm(tmp_path, "effect", "error")
    failpoints.use(Settings().failpoints)
    failpoints.reach("effect")
    assert failpoints.armed(tmp_path) == ["effect"]


def test_a_point_fails_once_for_each_time_it_is_armed(folder):
    failpoints.arm(folder, "effect", "error")
    failpoints.reach("claim.after")
    with pytest.raises(FailpointError, match="effect"):
        failpoints.reach("effect")
    failpoints.reach("effect")
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(("point", "error"), [("publish.after", redis.TimeoutError), ("claim.after", OperationalError)])
def test_a_timeout_is_what_the_driver_of_that_operation_raises(folder, point, error):
    failpoints.arm(folder, point, "timeout")
    with pytest.raises(error):
        failpoints.reach(point)


def test_a_pause_lasts_as_long_as_it_says(folder):
    failpoints.arm(folder, "sweep", "pause", 0.3)
    began = time.monotonic()
    failpoints.reach("sweep")
    assert time.monotonic() - began >= 0.3


def test_a_crash_is_the_end_of_the_process(folder):
    failpoints.arm(folder, "claim.before", "crash")
    code = f"from flask_scale.jobs import failpoints as f; f.use({str(folder)!r}); f.reach('claim.before'); print('on')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, text=True)
    assert (done.returncode, done.stdout) == (-signal.SIGKILL, "")


@pytest.mark.parametrize("name", ["claim.befor", "effects", "README"])
def test_a_folder_that_holds_an_unknown_name_ends_the_start(tmp_path, name):
    (tmp_path / name).touch()
    with pytest.raises(SettingsError, match=f"no failpoint '{name}'; there are insert.before"):
        failpoints.use(str(tmp_path))


@pytest.mark.parametrize("value", ["1", "true", "claim.after=crash", "/no/such/folder"])
def test_a_setting_that_names_no_folder_ends_the_start(value):
    with pytest.raises(SettingsError, match="for tests of faults alone"):
        failpoints.use(value)


@pytest.mark.parametrize(("point", "kind"), [("claims.after", "crash"), ("claim.after", "crush")])
def test_what_is_not_known_cannot_be_armed(tmp_path, point, kind):
    with pytest.raises(FailpointError, match="there are"):
        failpoints.arm(tmp_path, point, kind)
    assert os.listdir(tmp_path) == []


def test_every_point_has_its_place_in_the_code_and_no_other_is_named_there():
    source = "".join(path.read_text() for path in Path(flask_scale.__file__).parent.rglob("*.py"))
    assert set(re.findall(r'failpoints\.reach\("([^"]+)"\)', source)) == set(failpoints.POINTS)


def test_no_release_of_the_chart_can_switch_them_on():
    assert "FAILPOINTS" not in settings_schema.settings_definition()["properties"]
