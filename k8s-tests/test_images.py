"""What the two images promise to whoever runs them, or builds upon them."""

import json
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from support.cluster import ROOT
from support.docker import build, docker
from support.waiting import eventually

VERSION = yaml.safe_load((ROOT / "charts" / "flask-scale" / "Chart.yaml").read_text())["appVersion"]

pytestmark = pytest.mark.own_cluster  # where the images are made

#: An app that needs no store; both commands run it.
APP = 'from flask import Flask\n\napp = Flask(__name__)\n\n\n@app.get("/")\ndef hello():\n    return "hello"\n'

#: As Kubernetes runs it in a restricted namespace: nothing may be written but /tmp.
RESTRICTED = ("--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")


@pytest.fixture(params=["api", "worker"])
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def image(name: str) -> str:
    return f"flask-scale/{name}:{VERSION}"


def sh(image: str, script: str, *options: str) -> str:
    """What a shell in the image prints."""
    return docker("run", "--rm", *options, "--entrypoint", "sh", image, "-c", script)


@contextmanager
def running(image: str, *command: str, options: tuple[str, ...] = ()) -> Iterator[str]:
    """A container in the background; gives its name."""
    container = f"flask-scale-test-{uuid.uuid4().hex[:8]}"
    try:
        docker("run", "--detach", "--name", container, *options, image, *command)
        yield container
    finally:
        docker("rm", "--force", container)


@contextmanager
def serving(image: str, *command: str, options: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    """A container that serves; gives its name and URL."""
    bind = ("--publish", "127.0.0.1::8000", "--env", "FLASK_SCALE_BIND=0.0.0.0:8000", "--env", "FLASK_SCALE_WORKERS=1")
    with running(image, *command, options=(*bind, *options)) as container:
        url = "http://" + docker("port", container, "8000/tcp")
        try:
            eventually(lambda: requests.get(url, timeout=10).status_code, f"{image} serves")
        except AssertionError as error:
            raise AssertionError(docker("logs", container)) from error
        yield container, url


@pytest.fixture
def mounted(tmp_path: Path) -> tuple[str, ...]:
    """The option that puts APP at /app/hello.py."""
    file = tmp_path / "hello.py"
    file.write_text(APP)
    tmp_path.chmod(0o755)
    file.chmod(0o644)
    return ("--volume", f"{file}:/app/hello.py:ro")


def test_it_runs_as_user_10001_of_group_0(image: str):
    assert sh(image, "id -u; id -g").split() == ["10001", "0"]


@pytest.mark.parametrize("user", ["10001:0", "1000680000:0"])
def test_any_user_of_group_0_serves_on_a_read_only_root_file_system(image: str, user: str, mounted: tuple[str, ...]):
    with serving(image, "serve", "hello:app", options=(*RESTRICTED, "--user", user, *mounted)) as (_, url):
        assert requests.get(url, timeout=10).text == "hello"


def test_any_user_of_group_0_may_write_to_its_home_and_app_and_not_to_the_system(image: str):
    tried = "for d in /app $HOME /usr/local/lib /etc; do touch $d/x 2>/dev/null && echo $d; done; true"
    assert sh(image, tried, "--user", "1000680000:0").split() == ["/app", "/home/app"]


def test_it_holds_no_compiler_no_tests_and_no_leftovers_of_its_build(image: str):
    compilers = "for tool in gcc cc g++ c++ clang make ld rustc go; do command -v $tool; done; true"
    assert sh(image, compilers) == ""
    # What CPython's own image brings is not looked at: its standard library.
    ours = "/app /usr/local/lib/python3.13/site-packages"
    assert sh(image, f"find {ours} -type d \\( -name tests -o -name test \\) -not -path '*/pip/*'") == ""
    assert sh(image, "ls -d /root/.cache /home/app/.cache /source /wheel /build /requirements 2>/dev/null; true") == ""
    assert sh(image, "python -c 'import pytest' 2>/dev/null && echo there; true") == ""


def test_every_module_is_compiled(image: str):
    script = (
        "import importlib.util as u, pathlib;"
        "roots = [pathlib.Path('/app'), pathlib.Path('/usr/local/lib/python3.13/site-packages')];"
        "files = [f for r in roots for f in r.rglob('*.py') if r / 'pip' not in f.parents];"
        "print(len(files) > 500, [str(f) for f in files if not pathlib.Path(u.cache_from_source(str(f))).exists()])"
    )
    assert docker("run", "--rm", "--entrypoint", "python", image, "-c", script) == "True []"


def test_a_start_compiles_nothing(image: str):
    """The standard library too: the base image comes without its bytecode."""
    lines = docker("run", "--rm", "--entrypoint", "sh", image, "-c", "python -v -m flask_scale serve --help 2>&1")
    loaded = [line.rpartition(" from ")[2] for line in lines.splitlines() if line.startswith("# code object from")]
    assert len(loaded) > 100
    assert [file for file in loaded if not file.strip("'").endswith(".pyc")] == []


def test_api_holds_no_handlers_and_worker_no_routes(name: str, image: str):
    found = sh(image, "cd /app/services && ls -d */ | grep -v __pycache__").split()
    assert found == [f"{part}/" for part in sorted(["domain", name])]


def test_its_packages_agree(image: str):
    assert docker("run", "--rm", "--entrypoint", "pip", image, "check") == "No broken requirements found."


def test_its_labels_say_what_it_is(name: str, image: str):
    labels = inspect(image)["Config"]["Labels"]
    assert labels["org.opencontainers.image.version"] == VERSION
    assert labels["org.opencontainers.image.title"] == f"flask-scale {name}"
    assert labels["org.opencontainers.image.licenses"] == "MIT"
    assert labels["org.opencontainers.image.description"]


def inspect(thing: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(docker("inspect", thing))[0]
    return found


def test_sigterm_to_its_first_process_ends_it_with_0(image: str, mounted: tuple[str, ...]):
    with serving(image, "serve", "hello:app", options=mounted) as (container, _):
        assert docker("exec", container, "sh", "-c", "tr '\\0' ' ' </proc/1/cmdline").split()[1:] == [
            "/usr/local/bin/flask-scale",
            "serve",
            "hello:app",
        ]
        docker("kill", "--signal", "TERM", container)
        assert docker("wait", container) == "0"


def test_a_dockerfile_of_three_lines_puts_an_own_app_on_it(image: str, tmp_path: Path):
    own = ROOT / "examples" / "own_image"
    lines = (own / "Dockerfile").read_text().splitlines()
    assert len(lines) == 3
    assert lines[0] == f"FROM flask-scale/api:{VERSION}"
    for file in own.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "Dockerfile").write_text("\n".join([f"FROM {image}", *lines[1:]]))
    tag = f"flask-scale-test/own:{uuid.uuid4().hex[:8]}"
    began = time.monotonic()
    build(tag, tmp_path)
    print(f"built in {time.monotonic() - began:.1f} s")
    try:
        with serving(tag, "serve", "shop:create_app()", options=RESTRICTED) as (_, url):
            assert requests.get(f"{url}/prices/10000", timeout=10).json() == {"year": 10000, "turnover": "49,995,000"}
    finally:
        docker("rmi", tag)
