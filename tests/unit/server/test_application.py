"""gunicorn as `flask-scale serve` runs it."""

from flask_scale.server.application import Application
from flask_scale.settings import Settings


def test_a_reload_keeps_the_hooks_that_know_which_slots_are_taken():
    app = Application("shop:app", Settings(workers=3))
    before = app.cfg.pre_fork

    app.reload()

    assert app.cfg.pre_fork == before
    assert app.cfg.workers == 3
