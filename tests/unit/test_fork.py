"""A forked process has clients of its own."""

from flask import Flask

from flask_scale.fork import after_fork
from flask_scale.settings import Settings
from flask_scale.state import EXTENSION, State


class Client:
    def __init__(self):
        self.forks = 0

    def after_fork(self):
        self.forks += 1


def test_every_client_that_is_there_is_told_of_the_fork():
    app = Flask(__name__)
    state = app.extensions[EXTENSION] = State(Settings(), database=Client(), cache=Client(), jobs=None)

    after_fork(app)

    assert (state.database.forks, state.cache.forks) == (1, 1)
