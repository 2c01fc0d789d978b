"""An attempt ends where it finds that it must."""

import pytest

from flask_scale.errors import LeaseLost
from flask_scale.testing.jobs import run_jobs


@pytest.mark.parametrize("look", ["progress", "transaction", "complete"])
def test_a_handler_that_lost_its_lease_goes_no_further(farm, look):
    went_on, found = [], []

    def write(job):
        if look == "progress":
            job.progress(1, 1)
        elif look == "transaction":
            with job.transaction():
                went_on.append("an effect")
        else:
            with farm.store.transaction() as session:
                job.complete(session, 1)
                went_on.append("an effect after the end")

    @farm.scale.task()
    def work(job):
        farm.clock.advance(60)
        farm.store.expire(10)
        try:
            write(job)
        except LeaseLost as error:
            found.append(str(error))
            raise
        went_on.append("all that follows")

    work.delay()
    run_jobs(farm.app, limit=1)

    assert went_on == []
    assert "another attempt owns it" in found[0]
