"""flask_scale as the growth measurements run it: on every CPU but the load's."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.contender import LOAD_CPU, PYTHON, Contender, Server, end_of_log, ours
from benchmarks.stores import Stores
from flask_scale.errors import DevStackError

COMMAND = (PYTHON, "-m", "flask_scale", "serve", "benchmarks.growth.app:app")


def server_cpus() -> set[int]:
    """What servers and stores may use."""
    return os.sched_getaffinity(0) - {LOAD_CPU}


@contextmanager
def running(name: str, stores: Stores, folder: Path, *, routes: int = 0, **settings: str) -> Iterator[Server]:
    """The app on the fast worker class with these settings, by names without the prefix; one worker if not said."""
    environment = {**ours("fast", **settings), "GROWTH_ROUTES": str(routes)}
    server = Server(Contender(name, COMMAND, "ri", environment), stores, folder)
    try:
        try:
            server.start()
        except DevStackError as error:
            raise DevStackError(f"{error}: {end_of_log(server)}") from error
        yield server
    finally:
        server.stop()
