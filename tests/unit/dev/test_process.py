"""A child process is waited for, stopped, killed, and ends with its parent."""

import os
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from flask_scale.dev.process import free_port, port_is_free, ports_from
from flask_scale.errors import DevStackError
from tests.support.scripts import SERVER, Script, is_alive
from tests.support.waiting import eventually

WITH_CHILD = """
import subprocess, sys
child = subprocess.Popen([sys.executable, '-c', 'import signal; signal.pause()'])
print('ready', child.pid, flush=True)
child.wait()
"""

DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True)\n"
DEAF += "while True: signal.pause()"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Script]:
    script = Script(tmp_path)
    yield script
    script.kill()


def child_of(script: Script) -> int:
    return int(script.log.read_text().split()[1])


def test_a_started_process_answers_when_start_returns(server: Script) -> None:
    server.start()
    assert server.is_ready()
    assert server.running


def test_a_process_that_ends_at_start_is_named_with_its_exit_code_and_log(server: Script) -> None:
    server.code = "raise SystemExit(3)"
    with pytest.raises(DevStackError, match=rf"script ended with exit code 3 at start: see {server.log}"):
        server.start()


def test_a_process_that_never_answers_is_an_error_after_its_time(server: Script) -> None:
    server.code = "import signal; signal.pause()"
    server.ready_seconds = 0.2
    with pytest.raises(DevStackError, match=r"script did not answer within 0\.2 s"):
        server.start()


def test_a_process_that_was_not_started_has_no_pid(server: Script) -> None:
    with pytest.raises(DevStackError, match="was not started"):
        _ = server.pid


def test_stop_ends_it_by_its_signal(server: Script) -> None:
    server.start()
    server.stop()
    assert server.exit_code == -signal.SIGTERM


def test_stop_kills_a_process_that_does_not_listen(server: Script) -> None:
    server.code = DEAF
    server.stop_seconds = 0.2
    server.start()
    server.stop()
    assert server.exit_code == -signal.SIGKILL


def test_kill_ends_its_children_too(server: Script) -> None:
    server.code = WITH_CHILD
    server.start()
    server.kill()
    eventually(lambda: not is_alive(child_of(server)))


def test_kill_after_a_crash_ends_the_children_that_were_left(server: Script) -> None:
    server.code = WITH_CHILD
    server.start()
    os.kill(server.pid, signal.SIGKILL)
    eventually(lambda: not server.running)
    assert is_alive(child_of(server))

    server.kill()
    eventually(lambda: not is_alive(child_of(server)))


def test_a_paused_process_is_frozen_with_its_children_until_it_is_resumed(server: Script) -> None:
    server.code = WITH_CHILD
    server.start()
    family = [psutil.Process(server.pid), psutil.Process(child_of(server))]

    server.pause()
    eventually(lambda: all(process.status() == psutil.STATUS_STOPPED for process in family))

    server.resume()
    eventually(lambda: all(process.status() != psutil.STATUS_STOPPED for process in family))


def test_a_paused_process_ends_in_order_when_it_is_stopped(server: Script) -> None:
    server.start()
    server.pause()
    server.stop()
    assert server.exit_code == -signal.SIGTERM


def test_a_second_start_leaves_the_first_running(server: Script) -> None:
    server.start()
    first = server.pid
    server.start()
    assert server.pid == first


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's own promise, on Linux")
def test_a_child_does_not_outlive_a_killed_parent(tmp_path: Path) -> None:
    parent = textwrap.dedent(f"""
        import os, signal
        from pathlib import Path
        from tests.support.scripts import Script
        script = Script(Path({str(tmp_path)!r}), {SERVER!r})
        script.start()
        Path({str(tmp_path / "pid")!r}).write_text(str(script.pid))
        os.kill(os.getpid(), signal.SIGKILL)
    """)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", parent], env=environment, check=False)

    pid = int((tmp_path / "pid").read_text())
    eventually(lambda: not is_alive(pid))


def test_a_port_that_is_listened_on_is_not_free() -> None:
    port = free_port()
    assert port_is_free(port)
    with socket.create_server(("127.0.0.1", port)):
        assert not port_is_free(port)
        assert next(ports_from(port)) > port
