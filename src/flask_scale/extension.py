"""FlaskScale: the one object that a Flask app meets, and the whole architecture on one screen."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from flask import Flask
from pydantic import BaseModel
from sqlalchemy import Select
from sqlalchemy.orm import Session

from flask_scale import cache, compression, database, health, jobs, limits, logging, metrics, proxy, response_cache
from flask_scale.cache import CachedFunction
from flask_scale.errors import NotConfigured
from flask_scale.read import Read
from flask_scale.settings import Settings, load_settings
from flask_scale.state import EXTENSION, State, state_of

if TYPE_CHECKING:
    from flask_scale.jobs import TaskRegistry
    from flask_scale.jobs.task import Task

P = ParamSpec("P")
R = TypeVar("R")

#: The parts in the order in which they are set up. A later part wraps an earlier one:
#: a request meets limits first, then proxy, logging, the response cache. The internal port is no part of the app.
PARTS: tuple[tuple[str, Callable[[Flask, State], None]], ...] = (
    ("database", database.init_app),
    ("cache", cache.init_app),
    ("jobs", jobs.init_app),
    ("response_cache", response_cache.init_app),
    ("compression", compression.init_app),
    ("metrics", metrics.init_app),
    ("logging", logging.init_app),
    ("proxy", proxy.init_app),
    ("limits", limits.init_app),
    ("health", health.init_app),
)


class FlaskScale:
    """Gives a Flask app what high traffic needs; a part is on when its setting is there.

    Make one at module level, decorate functions with it, and call `init_app` in the app
    factory. Nothing connects before the first use.
    """

    def __init__(self, app: Flask | None = None, *, settings: Settings | None = None) -> None:
        self.tasks: TaskRegistry = jobs.TaskRegistry()
        self._settings = settings
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Set up every part on `app`. A second call on the same app does nothing.

        Raises:
            SettingsError: a setting is wrong; the message names it and the remedy.
        """
        if EXTENSION in app.extensions:
            return
        state = State(self._settings or load_settings(app.config))
        state.tasks = self.tasks
        app.extensions[EXTENSION] = state
        for _name, set_up in PARTS:
            set_up(app, state)

    @property
    def settings(self) -> Settings:
        """The settings of the active app."""
        return state_of().settings

    # Cache

    @property
    def cache(self) -> cache.DataCache:
        """The data cache of the active app; in memory where no FLASK_SCALE_CACHE_URL is set."""
        found = state_of().cache
        if found is None:
            raise NotConfigured("the cache is off: see `flask-scale doctor`")
        return found

    def cached(
        self,
        ttl: float | None = None,
        *,
        stale: float | None = None,
        tags: Sequence[str] = (),
        key: Callable[..., str] | None = None,
    ) -> Callable[[Callable[P, R]], CachedFunction[P, R]]:
        """Keep a function's JSON result for `ttl` seconds, with one loader a key over all processes.

        Choose it for an expensive query; arguments make the key. See `cache.cached` for what the
        decorated function offers, `invalidate` to drop tags.
        """
        return cache.cached(lambda: self.cache, ttl=ttl, stale=stale, tags=tags, key=key)

    def cached_response(
        self,
        ttl: float | None = None,
        *,
        stale: float | None = None,
        tags: Sequence[str] = (),
        key: Callable[[], str] | None = None,
        public: bool = False,
    ) -> Callable[[Callable[P, R]], Callable[P, R]]:
        """Keep a view's response for `ttl` seconds, one load a URL over all processes: put it right under the route.

        Flask's hooks, the app's access checks among them, run for every request; where the response
        depends on who asks, `key` returns what tells them apart. `public=True` says that anybody may
        have it: it is then given before Flask, as the whole of what the app sent, and no hook runs.
        Tags may name parts of the URL: `tags=["user:{user_id}"]`.
        """
        policy = response_cache.Policy(ttl=ttl, stale=stale, tags=tuple(tags), key=key, public=public)
        return response_cache.cached_response(_responses, policy)

    def invalidate(self, *tags: str) -> None:
        """Drop everything that carries one of `tags`, in every process."""
        self.cache.invalidate(*tags)

    # Database

    @property
    def database(self) -> database.Database:
        """The engine and sessions of the active app."""
        found = state_of().database
        if found is None:
            raise NotConfigured("no database: set FLASK_SCALE_DATABASE_URL=postgresql://user:password@host/name")
        return found

    @property
    def session(self) -> Session:
        """The request's session. Commit it yourself; what is open at the end is rolled back."""
        return self.database.session

    @property
    def read_session(self) -> Session:
        """A session for requests that only read: without a transaction a read is one round trip, not three."""
        return self.database.read_session

    def read(self, statement: Select[Any]) -> Read:
        """A SELECT of columns that is compiled once, for reads on hot paths: its rows are dicts, `Read` says more.

        Make it at module level: `find = scale.read(select(Item.id, Item.name).where(Item.id == bindparam("number")))`,
        then ask `find.first(number=7)`.

        Raises:
            TypeError: the statement has entities instead of columns.
        """
        return Read(lambda: self.database, statement)

    # Jobs

    @property
    def jobs(self) -> jobs.Jobs:
        """The durable jobs of the active app."""
        found = state_of().jobs
        if found is None:
            raise NotConfigured("no jobs without a database: set FLASK_SCALE_DATABASE_URL")
        return found

    def task(
        self,
        name: str | None = None,
        *,
        queue: str = "default",
        max_attempts: int | None = None,
        timeout: float | None = None,
        max_running: int | None = None,
        cron: str | None = None,
        time_zone: str = "UTC",
    ) -> Callable[[Callable[..., Any]], "Task"]:
        """Make a function a durable task: JSON in, JSON out, the running job as its first argument.

        `timeout` is in seconds for one attempt. The name is the function's own where none is given. `max_running` is
        how many jobs of it run at once over all Celery workers. With `cron`, such as `*/5 * * * *`, a job of it without
        arguments runs at each tick in `time_zone`: see `Task.periodic`.
        """
        return self.tasks.task(
            name,
            queue=queue,
            max_attempts=max_attempts,
            timeout=timeout,
            max_running=max_running,
            cron=cron,
            time_zone=time_zone,
        )

    def declare_task(
        self,
        name: str,
        *,
        args: type[BaseModel],
        queue: str = "default",
        max_attempts: int | None = None,
        timeout: float | None = None,
        max_running: int | None = None,
    ) -> "Task":
        """Declare a task apart from its handler, for code that enqueues but never runs it."""
        return self.tasks.declare(
            name, args=args, queue=queue, max_attempts=max_attempts, timeout=timeout, max_running=max_running
        )


def _responses() -> response_cache.ViewResponses:
    found = state_of().responses
    assert found is not None, "set up with the cache"
    return found
