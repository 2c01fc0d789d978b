"""The reconciler: what it brings back, and how little it sends."""

import threading
from functools import partial

import pytest

from flask_scale.jobs.publisher import ENOUGH
from flask_scale.jobs.reconciler import Reconciler
from flask_scale.settings import Settings
from flask_scale.testing.jobs import accepted, claimed, history


class Broker:
    """Stands for the publisher: lists in memory, which spare hints as it does, and a switch."""

    def __init__(self):
        self.up = True
        self.queues = {}

    def publish(self, hints, *, enough=ENOUGH):
        if self.up:
            for hint in hints:
                queue = self.queues.setdefault(hint.queue, [])
                if hint.alone or len(queue) < enough:
                    queue.append(hint.job_id)
        return self.up

    def waiting(self, queue):
        return len(self.queues.get(queue, [])) if self.up else None


@pytest.fixture
def broker():
    return Broker()


@pytest.fixture
def reconciler(farm, broker):
    settings = Settings(job_sweep_seconds=5)
    return Reconciler(farm.store, broker, settings, worker="one", tasks=["add"], queues=["default"])


def test_a_job_that_nobody_published_is_published_once(farm, broker, reconciler):
    job = accepted(farm.store)
    reconciler.sweep()
    reconciler.sweep()
    assert broker.queues == {"default": [job.id]}


def test_a_job_is_published_when_its_time_has_come(farm, broker, reconciler):
    from datetime import timedelta

    job = accepted(farm.store, run_at=farm.clock() + timedelta(seconds=60))
    reconciler.sweep()
    assert broker.queues == {}
    farm.clock.advance(61)
    reconciler.sweep()
    assert broker.queues == {"default": [job.id]}


def test_a_lost_attempt_is_published_again_in_the_same_sweep(farm, broker, reconciler):
    job = accepted(farm.store)
    claimed(farm.store, job.id)
    farm.clock.advance(31)
    reconciler.sweep()
    assert broker.queues == {"default": [job.id]}
    assert history(farm.store, job.id) == ["enqueued", "claimed", "lease_expired"]


def test_a_job_whose_last_attempt_is_lost_is_counted_as_dead(farm, reconciler):
    from flask_scale.metrics.instruments import instruments

    def dead() -> float:
        samples = [sample for metric in instruments().job_duration.collect() for sample in metric.samples]
        labels = {"task": "add", "outcome": "dead"}
        return sum(one.value for one in samples if one.name.endswith("_count") and one.labels == labels)

    before = dead()
    for lost in (accepted(farm.store, max_attempts=2), accepted(farm.store, max_attempts=1)):
        claimed(farm.store, lost.id)
    farm.clock.advance(31)
    reconciler.sweep()
    assert dead() - before == 1


def test_what_the_broker_does_not_take_waits_for_the_next_sweep(farm, broker, reconciler):
    job = accepted(farm.store)
    broker.up = False
    reconciler.sweep()
    broker.up = True
    reconciler.sweep()
    assert broker.queues == {"default": [job.id]}


def test_a_broker_that_goes_down_in_the_middle_loses_nothing(farm, broker, reconciler):
    job = accepted(farm.store)
    broker.publish = lambda hints: False
    reconciler.sweep()
    del broker.publish
    reconciler.sweep()
    assert broker.queues == {"default": [job.id]}


def test_lost_hints_are_sent_again_after_the_grace_and_not_before(farm, broker, reconciler):
    jobs = [accepted(farm.store, dispatched=True) for _ in range(50)]
    reconciler.sweep()
    assert broker.queues == {}
    farm.clock.advance(16)
    reconciler.sweep()
    reconciler.sweep()
    assert broker.queues == {"default": [job.id for job in jobs]}


def test_a_long_queue_whose_hints_are_all_there_gets_no_more(farm, broker, reconciler):
    jobs = [accepted(farm.store, dispatched=True) for _ in range(50)]
    broker.queues["default"] = [job.id for job in jobs]
    for _ in range(10):
        farm.clock.advance(60)
        reconciler.sweep()
    assert len(broker.queues["default"]) == 50


def test_while_hints_wait_none_is_sent_again_and_then_enough_to_wake_all(farm, broker, reconciler):
    jobs = [accepted(farm.store, dispatched=True) for _ in range(ENOUGH + 1)]
    broker.queues["default"] = [jobs[0].id]
    farm.clock.advance(60)
    reconciler.sweep()
    assert broker.queues == {"default": [jobs[0].id]}
    broker.queues["default"].clear()
    reconciler.sweep()
    assert broker.queues == {"default": [job.id for job in jobs[:ENOUGH]]}


def test_a_lost_hint_of_a_task_with_a_limit_is_sent_again_though_others_wait(farm, broker):
    settings = Settings(job_sweep_seconds=5)
    limited = {"queues": ["default"], "tasks": ["add", "other"], "limits": {"add": 1}}
    reconciler = Reconciler(farm.store, broker, settings, worker="one", **limited)
    lost = accepted(farm.store, dispatched=True)
    others = [accepted(farm.store, task="other", dispatched=True).id for _ in range(ENOUGH)]
    broker.queues["default"] = list(others)
    farm.clock.advance(60)
    reconciler.sweep()
    reconciler.sweep()
    assert broker.queues["default"] == [*others, lost.id]


def test_jobs_that_wait_for_a_slot_get_no_hint_before_there_is_one(farm, broker):
    settings = Settings(job_sweep_seconds=5)
    limited = {"queues": ["default"], "tasks": ["add", "other"], "limits": {"add": 1}}
    reconciler = Reconciler(farm.store, broker, settings, worker="one", **limited)
    running, *_waiting = [accepted(farm.store) for _ in range(50)]
    lease = claimed(farm.store, running.id).lease
    other = accepted(farm.store, task="other")
    for _ in range(10):
        reconciler.sweep()
    assert broker.queues == {"default": [other.id]}
    farm.store.release(lease)
    for _ in range(10):
        reconciler.sweep()
    assert len(broker.queues["default"]) == 2


def test_jobs_of_tasks_handled_elsewhere_are_left_to_others(farm, broker, reconciler):
    accepted(farm.store, task="other")
    accepted(farm.store, task="other", dispatched=True)
    farm.clock.advance(60)
    reconciler.sweep()
    assert broker.queues == {}
    assert farm.store.unhandled() == {"other": 2}


def finished(farm, count):
    for _ in range(count):
        farm.store.cancel(accepted(farm.store).id)


def test_a_sweep_deletes_what_is_older_than_it_is_kept_and_not_what_is_younger(farm, broker):
    sweeping = partial(Reconciler, farm.store, broker, worker="one", tasks=["add"], queues=["default"])
    finished(farm, 2)
    farm.clock.advance(100)
    finished(farm, 1)
    sweeping(Settings(job_keep_seconds=0)).sweep()
    sweeping(Settings()).sweep()
    assert len(farm.jobs.list()) == 3
    sweeping(Settings(job_keep_seconds=50)).sweep()
    assert len(farm.jobs.list()) == 1


def test_a_sweep_deletes_in_batches_and_leaves_the_rest_to_the_next(farm, broker, monkeypatch):
    monkeypatch.setattr("flask_scale.jobs.reconciler.BATCH", 2)
    monkeypatch.setattr("flask_scale.jobs.reconciler.PURGE_BATCHES", 3)
    settings = Settings(job_keep_seconds=50)
    reconciler = Reconciler(farm.store, broker, settings, worker="one", tasks=["add"], queues=["default"])
    finished(farm, 7)
    farm.clock.advance(100)
    reconciler.sweep()
    assert len(farm.jobs.list()) == 1
    reconciler.sweep()
    assert farm.jobs.list() == []


def test_a_sweep_that_fails_is_not_the_last(farm, broker, reconciler, monkeypatch, caplog):
    over = threading.Event()
    sweeps = []

    def sweep():
        sweeps.append(1)
        if len(sweeps) == 2:
            over.set()
        raise RuntimeError("no luck")

    monkeypatch.setattr(reconciler, "sweep", sweep)
    monkeypatch.setattr(reconciler, "_settings", Settings(job_sweep_seconds=0.01))
    reconciler.run(over)
    assert len(sweeps) == 2
    assert "the sweep failed" in caplog.text
