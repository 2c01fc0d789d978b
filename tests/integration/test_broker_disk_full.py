"""A broker whose disk is full refuses every write, BRPOP among them; nothing that it refuses is lost."""

from pathlib import Path

from flask_scale.dev.process import free_port
from tests.faults.stand import Broker
from tests.support.apps import jobs as tasks
from tests.support.jobs import Farm, wait_for
from tests.support.servers import running


def test_a_worker_stays_while_its_broker_cannot_write_and_works_on_once_it_can(
    migrated_database_url: str, tmp_path: Path
) -> None:
    with (
        running(Broker.broker(tmp_path / "broker", free_port())) as broker,
        Farm(migrated_database_url, broker.url, tmp_path) as farm,
    ):
        worker = farm.worker()
        with broker.full_disk():
            job = tasks.add.enqueue(1, 2)
            wait_for(lambda: "MISCONF" in worker.log.read_text())
            wait_for(lambda: not worker.running or "Connection to broker lost" in worker.log.read_text())
        assert farm.ended(job).result == 3
        assert worker.running
