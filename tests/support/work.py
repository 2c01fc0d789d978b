"""Running the directory's jobs in the test's own process, with the worker's app."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from flask import Flask
from sqlalchemy import text

from flask_scale.jobs import Job, Jobs
from flask_scale.jobs.attempt import Attempt
from flask_scale.jobs.runner import Runner
from flask_scale.jobs.running import RunningJob
from flask_scale.state import state_of
from services.worker.app import create_app


class Killed(BaseException):
    """Stands for SIGKILL: nothing that runs after it writes anything."""


class Workplace:
    """A Celery worker's app without Celery."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        state = state_of(app)
        assert state.jobs is not None
        self.jobs: Jobs = state.jobs
        self._tasks = state.tasks

    def run(self, job_id: str) -> Job:
        """Run one attempt as a Celery worker would, and give the job as it is then."""
        Runner(self.app, worker="test").run(job_id)
        return self.jobs.get(job_id)

    def run_until_killed(self, job_id: str, prepare: Callable[[RunningJob], None] = lambda job: None) -> bool:
        """Run an attempt that may be `Killed`, and let its lease run out; True where it was."""
        claim = self.jobs.store.claim(job_id, tasks=self._tasks.handled(), worker="test", lease_seconds=30)
        assert claim is not None, self.jobs.get(job_id)
        job = RunningJob(Attempt(claim), self.jobs.store, self.jobs.settings)
        prepare(job)
        try:
            with self.app.app_context():
                self._tasks.get(claim.job.task).run(job)
        except Killed:
            self.lose_lease(job_id)
            return True
        return False

    def lose_lease(self, job_id: str) -> None:
        """What the reconciler does some time after a worker was lost."""
        with self.jobs.store.transaction() as session:
            session.execute(text("UPDATE jobs SET lease_until = now() - interval '1 s' WHERE id = :id"), {"id": job_id})
        self.jobs.store.expire(10)


@contextmanager
def workplace(database_url: str, cache_url: str | None = None) -> Iterator[Workplace]:
    """The worker's app over these servers, closed at the end."""
    urls = {"DATABASE_URL": database_url, "CACHE_URL": cache_url}
    app = create_app({f"FLASK_SCALE_{name}": url for name, url in urls.items() if url})
    state = state_of(app)
    try:
        yield Workplace(app)
    finally:
        for part in (state.jobs, state.cache, state.database):
            if part is not None:
                part.close()
