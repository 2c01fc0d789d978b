"""gevent and psycopg2 in a process of their own: a patched process cannot be unpatched."""

import os
import subprocess
import sys

SCRIPT = """
from flask_scale.server import patching
patching.patch_master()
import os, queue, signal, socket, threading, time
from gevent import monkey
assert monkey.is_module_patched("socket") and monkey.is_module_patched("threading")
assert not monkey.is_object_patched("os", "fork")
assert queue.SimpleQueue is monkey.get_original("_queue", "SimpleQueue")

patching.patch_gunicorn_worker()
assert monkey.is_object_patched("os", "fork") and monkey.is_module_patched("signal")

import gevent, psycopg2
from gevent.server import StreamServer
patching.make_psycopg2_cooperative()
silent = StreamServer(("127.0.0.1", 0), lambda *_: gevent.sleep(60))
silent.start()
turns = []
ticker = gevent.spawn(lambda: [(turns.append(1), gevent.sleep(0.05)) for _ in range(1000)])
begun = time.monotonic()
try:
    psycopg2.connect(host="127.0.0.1", port=silent.server_port, connect_timeout=1)
except psycopg2.OperationalError as error:
    print(str(error).strip())
print(0.9 < time.monotonic() - begun < 30, len(turns) > 5)
"""


def test_other_greenlets_run_while_psycopg2_waits_and_connect_timeout_still_holds():
    done = subprocess.run([sys.executable, "-W", "error", "-c", SCRIPT], capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["timeout expired", "True True"]


PLUGIN = """
import sys
from importlib import metadata
usual, read = metadata.entry_points, []
real = metadata.distributions
metadata.distributions = lambda **keywords: read.append(1) or real(**keywords)
from flask_scale.server import patching
patching.patch_master()
patching.patch_gunicorn_worker()
import plugin_of_gevent
print(plugin_of_gevent.patched, len(read), metadata.entry_points is usual)
"""


def test_plugins_of_gevent_are_called_for_each_module_and_installed_packages_read_once_a_process(tmp_path):
    (tmp_path / "plugin_of_gevent.py").write_text("patched = []\ndef tell(event): patched.append(event.module_name)\n")
    (tmp_path / "plugin_of_gevent-1.dist-info").mkdir()
    (tmp_path / "plugin_of_gevent-1.dist-info" / "METADATA").write_text("Name: plugin-of-gevent\nVersion: 1\n")
    (tmp_path / "plugin_of_gevent-1.dist-info" / "entry_points.txt").write_text(
        "[gevent.plugins.monkey.did_patch_module]\ntell = plugin_of_gevent:tell\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", PLUGIN],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stderr == ""
    assert "'socket'" in done.stdout
    assert "'signal'" in done.stdout
    assert done.stdout.split()[-2:] == ["2", "True"]
