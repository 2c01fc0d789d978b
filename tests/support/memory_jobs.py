"""An app whose jobs are in memory, with a clock that a test turns."""

from dataclasses import dataclass

from flask import Flask

from flask_scale import FlaskScale
from flask_scale.jobs import Jobs
from flask_scale.jobs.memory import MemoryJobStore
from flask_scale.settings import Settings
from flask_scale.state import state_of
from flask_scale.testing.jobs import JobClock, use_memory_jobs


@dataclass
class MemoryFarm:
    """Declare tasks on `scale`, enqueue within `app.app_context()`, run with `run_jobs(app)`."""

    scale: FlaskScale
    app: Flask
    store: MemoryJobStore
    clock: JobClock

    @property
    def jobs(self) -> Jobs:
        found = state_of(self.app).jobs
        assert found is not None
        return found


def memory_farm(**settings: object) -> MemoryFarm:
    """A fresh one."""
    scale = FlaskScale(settings=Settings(**settings))
    app = Flask("memory")
    scale.init_app(app)
    clock = JobClock()
    return MemoryFarm(scale, app, use_memory_jobs(app, MemoryJobStore(clock=clock)), clock)
