"""Docker on this machine, where the images are made."""

import os
import subprocess
from pathlib import Path

from support.cluster import ROOT

#: Debian's docker before any other, as the cluster's scripts have it.
ENVIRON = dict(os.environ, PATH=f"/usr/bin{os.pathsep}{os.environ.get('PATH', os.defpath)}")


SCRIPTS = ROOT / "k8s-tests" / "cluster"


class DockerFailed(AssertionError):
    """docker said no; the text is what it said."""


def docker(*arguments: object) -> str:
    """Run docker; gives what it prints.

    Raises:
        DockerFailed: it said no.
    """
    return _run("docker", *arguments)


def build(tag: str, folder: Path) -> None:
    """Build an image, from others that lie here where no registry answers."""
    _run(SCRIPTS / "build.sh", tag, folder)


def load(tag: str) -> None:
    """Put an image on the nodes of the cluster of `make cluster`."""
    _run(SCRIPTS / "load.sh", tag)


def _run(*command: object) -> str:
    words = list(map(str, command))
    done = subprocess.run(words, env=ENVIRON, capture_output=True, text=True, timeout=400, check=False)
    if done.returncode:
        raise DockerFailed(f"{' '.join(words)}: {done.stderr}{done.stdout}")
    return done.stdout.strip()
