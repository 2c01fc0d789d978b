"""The supervisor starts parts, starts those again that crash, and stops all in order."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from flask_scale.dev.output import MergedLog
from flask_scale.dev.record import Record
from flask_scale.dev.supervisor import LOOK_SECONDS, Supervisor
from flask_scale.errors import DevStackError
from tests.support.scripts import SERVER, Script, is_alive
from tests.support.waiting import eventually

ENDS_IN_ORDER = "print('ready', flush=True); signal.sigwait([15]); print('ended in order')"


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    found = Supervisor(MergedLog(), Record(tmp_path / "processes.json"))
    yield found
    found.stop()


def watch_until_it_fails(supervisor: Supervisor) -> str:
    with pytest.raises(DevStackError) as caught:
        supervisor.watch()
    return str(caught.value)


def in_background(act: object, *arguments: object) -> None:
    threading.Thread(target=act, args=arguments, daemon=True).start()  # type: ignore[arg-type]


def test_start_returns_once_all_parts_answer(supervisor: Supervisor, tmp_path: Path) -> None:
    parts = [Script(tmp_path, name=name) for name in ("one", "two")]
    supervisor.start(*parts)
    assert all(part.is_ready() for part in parts)


def test_a_part_that_ends_at_its_first_start_ends_the_whole_with_its_log(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    with pytest.raises(DevStackError, match=r"(?s)script ended with exit code 1 at start.*no such table"):
        supervisor.start(Script(tmp_path, "raise SystemExit('no such table')"))


def test_a_part_that_crashes_is_reported_by_name_and_started_again(
    supervisor: Supervisor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = Script(tmp_path)
    supervisor.start(script)
    first = script.pid

    def crash_then_end() -> None:
        os.kill(first, signal.SIGKILL)
        eventually(lambda: script.pid != first and script.is_ready())
        time.sleep(3 * LOOK_SECONDS)
        script.code = "raise SystemExit(9)"
        os.kill(script.pid, signal.SIGKILL)

    in_background(crash_then_end)
    watch_until_it_fails(supervisor)
    shown = capsys.readouterr()
    assert "script was ended by SIGKILL: starting it again (1 of 3)" in shown.err
    assert "script is ready again after" in shown.out


def test_a_part_that_keeps_ending_ends_the_whole_after_three_restarts(supervisor: Supervisor, tmp_path: Path) -> None:
    script = Script(tmp_path, SERVER)
    supervisor.start(script)
    script.code = "raise SystemExit(7)"
    os.kill(script.pid, signal.SIGTERM)

    message = watch_until_it_fails(supervisor)
    assert message.startswith("script ended with exit code 7, time 4 within 30 s: see ")


def test_stop_ends_the_last_started_first(supervisor: Supervisor, tmp_path: Path) -> None:
    tell = "import signal; print('ready', flush=True)\nsignal.sigwait([15]); open({file!r}, 'a').write({name!r})"
    block = "import signal; signal.pthread_sigmask(signal.SIG_BLOCK, [15])\n"
    order = tmp_path / "order"
    for name in ("postgres ", "api ", "nginx "):
        supervisor.start(Script(tmp_path, block + tell.format(file=str(order), name=name), name=name.strip()))

    supervisor.stop()

    assert order.read_text() == "nginx api postgres "


def test_a_second_interrupt_while_it_stops_kills_what_is_left(supervisor: Supervisor, tmp_path: Path) -> None:
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True)\n"
    script = Script(tmp_path, deaf + "while True: signal.pause()")
    supervisor.start(script)
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    try:
        supervisor.stop()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert script.exit_code == -signal.SIGKILL


def test_what_a_killed_stack_left_is_ended_at_the_next_start(tmp_path: Path) -> None:
    record = Record(tmp_path / "processes.json")
    script = Script(tmp_path, "import signal; signal.pthread_sigmask(0, [15])\n" + ENDS_IN_ORDER)
    script.start()
    record.write([script])

    assert Record(record.file).end_leftovers() == ["script"]
    assert not is_alive(script.pid)
    assert "ended in order" in script.log.read_text()
    script.kill()
    assert not record.file.exists()


def test_a_pid_that_another_program_has_by_now_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "processes.json"
    file.write_text(f'{{"postgres": [{os.getpid()}, 1.0]}}')
    assert Record(file).end_leftovers() == []
