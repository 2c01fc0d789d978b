"""One version, wherever it stands."""

import re
import tomllib
from pathlib import Path

import pytest

from flask_scale import __version__

ROOT = Path(__file__).parents[2]


def test_the_package_has_the_librarys():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == __version__


@pytest.mark.parametrize(
    ("file", "pattern"),
    [
        ("charts/flask-scale/Chart.yaml", r"^appVersion: (\S+)$"),
        ("Dockerfile.api", r"^ARG VERSION=(\S+)$"),
        ("Dockerfile.api", r"flask-scale/api:(\S+)"),
        ("Dockerfile.worker", r"^ARG VERSION=(\S+)$"),
        ("Dockerfile.worker", r"flask-scale/worker:(\S+)"),
        ("examples/own_image/Dockerfile", r"^FROM flask-scale/api:(\S+)$"),
        ("docs/how-to/own-image.md", r"^FROM flask-scale/api:(\S+)$"),
    ],
)
def test_images_chart_and_docs_have_it_too(file, pattern):
    assert set(re.findall(pattern, (ROOT / file).read_text(), re.MULTILINE)) == {__version__}
