"""What can be done to a stand. Each returns when it is over, and leaves what it broke to be started again."""

import signal
from collections.abc import Callable, Mapping, Sequence

import psutil

from flask_scale.dev.process import Process
from flask_scale.dev.valkey import Valkey
from flask_scale.jobs import failpoints
from tests.faults.field import Field
from tests.faults.proxy import Proxy
from tests.faults.schedule import Act
from tests.faults.stand import DATABASE

Fault = Callable[[Field, Act], None]

#: What a slow network adds to each way, in seconds. Beyond the publisher's patience (200 ms) for the broker.
DATABASE_DELAY_SECONDS = 0.1
BROKER_DELAY_SECONDS = 0.25


def kill_worker(field: Field, act: Act) -> None:
    """SIGKILL of a Celery worker and its pool."""
    worker = act.choose(field.stand.workers)
    with field.stand.held(worker):
        field.note_kill(worker)
        worker.kill()
        field.rest(act.seconds)


def kill_reconciler(field: Field, act: Act) -> None:
    """SIGKILL of a Celery worker's main process, where the reconciler is; its pool is left without it."""
    worker = act.choose(field.stand.workers)
    with field.stand.held(worker):
        field.note_kill(worker)
        worker.signal(signal.SIGKILL)
        field.rest(act.seconds)


def kill_pool_process(field: Field, act: Act) -> None:
    """SIGKILL of one process of a Celery worker's pool."""
    _kill_child(field, act, field.stand.workers)


def kill_api(field: Field, act: Act) -> None:
    """SIGKILL of a gunicorn instance."""
    _crash(field, act, act.choose(field.stand.apis))


def kill_gunicorn_worker(field: Field, act: Act) -> None:
    """SIGKILL of one gunicorn worker."""
    _kill_child(field, act, field.stand.apis)


def stop_worker(field: Field, act: Act) -> None:
    """SIGSTOP of a Celery worker, and SIGCONT before its leases end."""
    _stop(field, act.choose(field.stand.workers), min(act.seconds, field.stand.times.lease / 2))


def stop_worker_past_lease(field: Field, act: Act) -> None:
    """SIGSTOP of a Celery worker, and SIGCONT when others have its jobs."""
    times = field.stand.times
    _stop(field, act.choose(field.stand.workers), 1.5 * times.lease + 2 * times.sweep)


def stop_api(field: Field, act: Act) -> None:
    """SIGSTOP of a gunicorn instance."""
    _stop(field, act.choose(field.stand.apis), act.seconds)


def flush_broker(field: Field, act: Act) -> None:
    """FLUSHALL: every hint is gone, and Celery's own keys."""
    with field.stand.broker.client() as client:
        client.flushall()
    field.rest(act.seconds)


def kill_broker(field: Field, act: Act) -> None:
    """SIGKILL of the broker; it comes back with what its file has."""
    _crash(field, act, field.stand.broker)


def stop_broker(field: Field, act: Act) -> None:
    """SIGSTOP of the broker: it hangs."""
    _stop(field, field.stand.broker, act.seconds)


def fill_broker_disk(field: Field, act: Act) -> None:
    """The broker's file cannot grow: it refuses every write."""
    with field.stand.broker.full_disk():
        field.rest(act.seconds)


def cut_broker_clients(field: Field, act: Act) -> None:
    """CLIENT KILL of all."""
    _cut_clients(field, act, field.stand.broker)


def slow_broker(field: Field, act: Act) -> None:
    """The network to the broker is slow."""
    _slow(field, act, field.stand.broker_proxy, BROKER_DELAY_SECONDS)


def kill_cache(field: Field, act: Act) -> None:
    """SIGKILL of the cache."""
    _crash(field, act, field.stand.cache)


def crash_database(field: Field, act: Act) -> None:
    """A restart of PostgreSQL as after `pg_ctl stop -m immediate`: it recovers from its log."""
    postgres = field.stand.postgres
    with field.stand.held(postgres):
        postgres.stop("immediate")
        field.rest(act.seconds)


def cut_database_clients(field: Field, act: Act) -> None:
    """pg_terminate_backend of every connection of the app."""
    others = f"datname = '{DATABASE}' AND pid <> pg_backend_pid()"
    field.stand.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}")
    field.rest(act.seconds)


def stop_database(field: Field, act: Act) -> None:
    """SIGSTOP of PostgreSQL: it hangs."""
    _stop(field, field.stand.postgres, act.seconds)


def slow_database(field: Field, act: Act) -> None:
    """The network to the database is slow."""
    _slow(field, act, field.stand.database_proxy, DATABASE_DELAY_SECONDS)


def reach_failpoint(field: Field, act: Act) -> None:
    """The next process that comes to a point of a job's life meets a fault there."""
    failpoints.arm(field.stand.failpoints, act.point, act.kind, act.seconds)
    field.rest(act.seconds)


FAULTS: Mapping[str, Fault] = {
    "worker killed": kill_worker,
    "reconciler killed": kill_reconciler,
    "pool process killed": kill_pool_process,
    "API killed": kill_api,
    "gunicorn worker killed": kill_gunicorn_worker,
    "worker stopped": stop_worker,
    "worker stopped past its lease": stop_worker_past_lease,
    "API stopped": stop_api,
    "broker flushed": flush_broker,
    "broker killed": kill_broker,
    "broker stopped": stop_broker,
    "broker's disk full": fill_broker_disk,
    "broker's clients cut": cut_broker_clients,
    "broker slow": slow_broker,
    "cache killed": kill_cache,
    "database crashed": crash_database,
    "database's clients cut": cut_database_clients,
    "database stopped": stop_database,
    "database slow": slow_database,
    "failpoint": reach_failpoint,
}


def _crash(field: Field, act: Act, part: Process) -> None:
    with field.stand.held(part):
        part.kill()
        field.rest(act.seconds)


def _kill_child(field: Field, act: Act, parents: Sequence[Process]) -> None:
    parent = act.choose(parents)
    children = psutil.Process(parent.pid).children() if parent.running else []
    if children:
        act.choose(children).kill()
    field.rest(act.seconds)


def _stop(field: Field, part: Process, seconds: float) -> None:
    part.pause()
    try:
        field.rest(seconds)
    finally:
        part.resume()


def _cut_clients(field: Field, act: Act, server: Valkey) -> None:
    with server.client() as client:
        client.client_kill_filter(_type="normal", skipme=True)
    field.rest(act.seconds)


def _slow(field: Field, act: Act, proxy: Proxy, delay_seconds: float) -> None:
    with proxy.slow(delay_seconds):
        field.rest(act.seconds)
