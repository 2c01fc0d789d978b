"""Gauges of the queues, as a scrape reads them."""

import threading

from flask_scale.jobs import collector, queue_collector
from flask_scale.state import state_of
from flask_scale.testing.jobs import run_jobs
from tests.support.memory_jobs import memory_farm


def gauges(farm):
    """By name, the value of each label."""
    families = queue_collector(state_of(farm.app)).collect()
    return {
        family.name: {next(iter(part.labels.values())): part.value for part in family.samples} for family in families
    }


def test_an_empty_queue_is_told_as_zero():
    farm = memory_farm(worker_queues="default, slow")
    farm.scale.task("send", queue="mail")(lambda job: None)
    with farm.app.app_context():
        assert gauges(farm)["flask_scale_queue_depth"] == {"default": 0, "mail": 0, "slow": 0}
        assert gauges(farm)["flask_scale_queue_oldest_age_seconds"] == {"default": 0, "mail": 0, "slow": 0}
        assert gauges(farm)["flask_scale_jobs_running"] == {"default": 0, "mail": 0, "slow": 0}


def test_due_jobs_are_counted_by_queue_and_by_task_without_a_worker():
    farm = memory_farm()
    send = farm.scale.task("send", queue="mail")(lambda job: None)
    with farm.app.app_context():
        send.delay()
        farm.clock.advance(5)
        send.delay()
        seen = gauges(farm)
    assert seen["flask_scale_queue_depth"] == {"default": 0, "mail": 2}
    assert seen["flask_scale_queue_oldest_age_seconds"]["mail"] >= 5
    assert seen["flask_scale_jobs_unhandled"] == {"send": 2}


def test_running_jobs_are_counted_by_queue():
    farm = memory_farm()
    seen = []
    look = farm.scale.task("look", queue="gone")(lambda job: seen.append(gauges(farm)))
    with farm.app.app_context():
        look.delay()
    run_jobs(farm.app)
    assert seen[0]["flask_scale_jobs_running"] == {"default": 0, "gone": 1}


def test_a_database_that_hangs_leaves_the_gauges_out_and_does_not_hold_up_the_scrape(monkeypatch, caplog):
    farm = memory_farm()
    over = threading.Event()
    monkeypatch.setattr(collector, "LONGEST_LOOK_SECONDS", 0.1)

    def hang():
        over.wait(20)
        return []

    monkeypatch.setattr(farm.store, "queue_stats", hang)

    assert gauges(farm) == {}

    assert "does not answer" in caplog.text
    assert not over.is_set()
    over.set()
