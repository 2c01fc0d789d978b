"""What the scenes share: the directory at the node port, as it was before and after each."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager

import pytest

from support.release import OWN_NGINX, Release
from support.scene import NOT_JUDGED, TOLD, Play, Scene
from support.scene import play as play_on
from support.stage import two_of_each, until_whole
from tests.load.plan import Plan

#: `make k8s-test SCENES=none` leaves them out: they take as long as all else.
collect_ignore_glob = ["test_*.py"] if os.environ.get("SCENES") == "none" else []


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run of which a scene was not judged: what it is to prove is not proved."""
    if NOT_JUDGED and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell the figures, a gate that was missed among them: a busy machine is no bug, but nobody should overlook it."""
    for figure in TOLD:
        value = f"{figure.value:.1f}" if isinstance(figure.value, float) else figure.value
        gate = f" ({figure.gate}{'' if figure.holds else ': MISSED'})" if figure.gate else ""
        terminalreporter.write_line(f"{figure.name}: {value} {figure.unit}{gate}")
    if NOT_JUDGED:
        names = ", ".join(NOT_JUDGED)
        terminalreporter.write_line(
            f"{len(NOT_JUDGED)} scenes not judged, so not passed: their client was late: {names}"
        )


@pytest.fixture
def stage(release: Release) -> Iterator[Release]:
    """The directory with two API pods, two workers and two of nginx, every pod ready."""
    until_whole(release)
    yield release
    two_of_each(release)
    until_whole(release)


@pytest.fixture
def play(stage: Release) -> Play:
    """Begins a scene on the stage."""

    def begin(name: str, plan: Plan | None = None) -> AbstractContextManager[Scene]:
        return play_on(stage, OWN_NGINX, name, plan)

    return begin
