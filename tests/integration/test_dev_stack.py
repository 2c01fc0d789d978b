"""`flask-scale dev`: everything comes up, comes back after a crash, and is gone at the end."""

import os
import signal
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from flask_scale.dev.account import temporary_folder, unprivileged
from tests.support.scripts import is_alive
from tests.support.stack import DevStack
from tests.support.waiting import eventually


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with temporary_folder(unprivileged()) as found:
        yield found


@pytest.fixture(scope="module")
def stack(folder: Path) -> Iterator[DevStack]:
    with_options = DevStack(folder / "shared", "--ephemeral", "--after-migrate", "tests.support.stack:make_key")
    try:
        with_options.start()
        yield with_options
    finally:
        with_options.stop()


def run_job(stack: DevStack, words: str) -> dict[str, Any]:
    """Enqueue a job through nginx and wait until a Celery worker has done it."""
    url = stack.facts["url"]
    job = requests.post(f"{url}/work", json={"data": words}, timeout=10).json()

    def finished() -> dict[str, Any] | None:
        found: dict[str, Any] = requests.get(f"{url}/work/{job['id']}", timeout=10).json()
        return found if found["state"] == "succeeded" else None

    return eventually(finished, seconds=60) or {}


def test_a_request_and_a_job_go_through_every_part(stack: DevStack) -> None:
    assert requests.get(f"{stack.facts['url']}/report/4", timeout=10).json() == {"year": 4, "total": 6}
    assert run_job(stack, "hello")["result"] == {"result": "HELLO"}


def test_scripts_read_addresses_and_key_from_a_file_that_is_private(stack: DevStack) -> None:
    facts = stack.facts
    assert facts["url"] == f"http://127.0.0.1:{stack.port}"
    assert facts["api_key"] == "key-of-the-test"
    assert facts["pid"] == stack.pid
    assert facts["database_url"].startswith("postgresql://")
    assert facts["cache_url"] != facts["broker_url"]
    assert stat.S_IMODE((stack.folder / "dev.json").stat().st_mode) == 0o600
    for url in facts["internal_urls"].values():
        assert requests.get(f"{url}/readyz", timeout=10).status_code == 200


def test_the_address_and_key_are_shown_only_when_all_is_ready(stack: DevStack) -> None:
    before, _, after = stack.output.partition("nginx is ready")
    assert stack.facts["url"] not in before
    assert stack.facts["url"] in after
    assert "key-of-the-test" in after


def test_a_second_stack_in_the_same_folder_is_told_where_the_first_is(stack: DevStack, folder: Path) -> None:
    second = DevStack(stack.folder)
    second.log = folder / "second.log"
    second.launch()
    eventually(lambda: not second.running)
    assert second.exit_code == 2
    assert f"it runs already at {stack.facts['url']} (process {stack.pid})" in second.output


def test_a_port_in_use_ends_the_start_with_the_remedy(stack: DevStack, folder: Path) -> None:
    second = DevStack(folder / "elsewhere", port=stack.port)
    second.launch()
    eventually(lambda: not second.running)
    assert second.exit_code == 2
    assert f"port {stack.port} is in use: choose another with --port" in second.output


@pytest.mark.parametrize("part", ["api-1", "worker", "cache", "broker", "postgres", "nginx"])
def test_a_killed_part_is_reported_by_name_and_comes_back(stack: DevStack, part: str) -> None:
    before = stack.pid_of(part)

    os.kill(before, signal.SIGKILL)

    eventually(lambda: f"{part} was ended by SIGKILL: starting it again (1 of 3)" in stack.output)
    eventually(lambda: f"{part} is ready again" in stack.output, seconds=90)
    assert stack.pid_of(part) != before
    assert eventually(lambda: requests.get(f"{stack.facts['url']}/report/4", timeout=10).ok)
    assert run_job(stack, part)["result"] == {"result": part.upper()}


def test_an_app_that_cannot_be_loaded_ends_the_start_and_leaves_nothing(folder: Path) -> None:
    broken = DevStack(folder / "broken", "--ephemeral", app="no.such:app")
    broken.launch()
    family = eventually(broken.descendants)
    eventually(lambda: not broken.running, seconds=90)
    assert broken.exit_code == 2
    assert "no.such" in broken.output
    eventually(lambda: not any(is_alive(process.pid) for process in family))


def test_a_killed_supervisor_leaves_data_for_the_next_start_and_ctrl_c_leaves_no_process(folder: Path) -> None:
    stack = DevStack(folder / "kept")
    stack.start()
    job = run_job(stack, "kept")
    orphans = stack.descendants()
    os.kill(stack.pid, signal.SIGKILL)
    eventually(lambda: not stack.running)

    stack.start()

    assert requests.get(f"{stack.facts['url']}/work/{job['id']}", timeout=10).json() == job
    assert not [process for process in orphans if _same_process_lives(process)]

    family = stack.descendants()
    stack.signal(signal.SIGINT)
    eventually(lambda: not stack.running, seconds=60)
    assert stack.exit_code == 0
    assert not [process for process in family if _same_process_lives(process)]
    assert sorted(file.name for file in stack.folder.glob("*.json")) == []


def _same_process_lives(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
