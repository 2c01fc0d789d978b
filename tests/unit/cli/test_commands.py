"""The command line as a whole: what it lists, and how it ends."""

import subprocess
import sys

import pytest

from flask_scale.cli import COMMANDS


def run(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "flask_scale", *arguments],
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", **environment},
        timeout=60,
    )


def test_help_lists_every_command_without_loading_one():
    code = "import sys; from flask_scale.cli import group; group(['--help'], standalone_mode=False); "
    code += "assert not any(name.startswith(('gunicorn', 'sqlalchemy', 'celery')) for name in sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)

    assert done.returncode == 0, done.stderr
    assert all(name in done.stdout for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example(name):
    done = run(name, "--help")

    assert done.returncode == 0, done.stderr
    assert "example" in done.stdout.lower()


@pytest.mark.parametrize("arguments", [("serve", "examples.plain.app:app"), ("doctor",)])
def test_a_wrong_setting_ends_with_2_and_one_line(arguments):
    done = run(*arguments, FLASK_SCALE_WORKER="4")

    assert done.returncode == 2
    assert done.stderr == "flask-scale: FLASK_SCALE_WORKER is not a setting: did you mean FLASK_SCALE_WORKERS?\n"


@pytest.mark.parametrize("command", ["serve", "worker", "doctor"])
def test_an_app_that_is_not_there_ends_with_2_and_one_line(command):
    done = run(command, "nowhere:app", FLASK_SCALE_DATABASE_URL="postgresql://app@127.0.0.1:1/none")

    assert done.returncode == 2
    assert "nowhere" in done.stderr
    assert done.stderr.count("\n") == 1
