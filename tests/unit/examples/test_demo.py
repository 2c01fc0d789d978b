"""Where nothing runs, the demo says in one line what to do."""

import json

import pytest
from click.testing import CliRunner

from examples import demo
from flask_scale.dev.process import free_port


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        (None, "type `make run` in another terminal first"),
        ({"url": "http://127.0.0.1:1", "api_key": None}, "is not the user directory"),
        ({"url": f"http://127.0.0.1:{free_port()}", "api_key": "fsk_x"}, "does not answer"),
    ],
)
def test_without_a_running_directory_the_demo_ends_with_one_line(tmp_path, facts, told):
    if facts is not None:
        (tmp_path / "dev.json").write_text(json.dumps(facts))
    done = CliRunner().invoke(demo.main, ["--data", str(tmp_path), "--rows", "10"])
    assert done.exit_code == 1
    assert told in done.output
    assert "Traceback" not in done.output
    assert not isinstance(done.exception, OSError)
