"""The Celery app takes JSON and nothing else."""

import pytest
from kombu.exceptions import ContentDisallowed
from kombu.serialization import dumps, loads, prepare_accept_content, register_pickle

from flask_scale.jobs.broker import build_celery
from flask_scale.settings import Settings


@pytest.fixture
def accepted():
    """What a consumer of ours takes."""
    celery = build_celery(Settings(broker_url="redis://broker"))
    return prepare_accept_content(celery.conf.accept_content)


def test_a_message_of_json_is_read(accepted):
    kind, encoding, body = dumps({"id": 1}, "json")
    assert loads(body, kind, encoding, accept=accepted) == {"id": 1}


def test_a_message_that_could_run_code_is_refused_unread(accepted):
    register_pickle()
    kind, encoding, body = dumps({"id": 1}, "pickle")
    with pytest.raises(ContentDisallowed):
        loads(body, kind, encoding, accept=accepted)
