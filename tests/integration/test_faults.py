"""The promises of docs/reliability.md, each in its short form; `python -m tests.faults --long` is the proof."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from flask_scale.dev.account import temporary_folder, unprivileged
from tests.faults import keys, stale
from tests.faults.stand import SHORT, Stand
from tests.faults.suite import SHORT_FORM, play

pytestmark = pytest.mark.timeout(600)

#: The command draws another schedule each time; here it is always the same.
SEED = 7


@pytest.fixture(scope="module")
def stand() -> Iterator[Stand]:
    with temporary_folder(unprivileged()) as folder, Stand(folder, SHORT, WORKER_CONCURRENCY="4") as stand:
        yield stand


def test_a_worker_stopped_past_its_lease_writes_nothing_once_it_goes_on(stand: Stand) -> None:
    """Another one has finished its jobs meanwhile: what it then writes is rejected, and a metric counts that."""
    stopped = stale.stop(stand, attempts=1, at_once=8)

    assert stopped.wrong == []
    assert stopped.rejected >= stopped.stale >= 1


def test_fifty_callers_with_the_same_keys_make_one_job_a_key_and_get_one_answer(stand: Stand) -> None:
    """All at once, each with every key."""
    used = keys.use(stand, 20)

    assert used.jobs == len(used.answers) == 20
    assert used.differing == []
    assert {status for given in used.answers.values() for status, _ in given} == {202}


def test_no_accepted_job_is_lost_or_doubled_whatever_is_killed_stopped_cut_or_slow(tmp_path: Path) -> None:
    """API, Celery workers, reconcilers, broker, cache and database, under load."""
    results = tmp_path / "faults.json"
    with temporary_folder(unprivileged()) as folder:
        outcome = play(SHORT_FORM, SEED, folder, results, print)

    outcome.verdict.assert_sound()
    assert len(outcome.faults) > 10
    figures = outcome.results(results)
    figures.write()
    assert not figures.failing()
    assert {"faults: lost", "faults: doubled"} <= {line["name"] for line in json.loads(results.read_text())}
    assert os.stat(results.with_suffix(".png")).st_size > 0
