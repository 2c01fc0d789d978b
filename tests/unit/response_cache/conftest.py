"""An app whose pages answer what a test says, behind the response cache, and a clock that the test turns."""

import threading
from functools import partial

import pytest
from flask import Flask, Response

from flask_scale import FlaskScale, cache
from flask_scale.cache import stored
from flask_scale.settings import Settings
from flask_scale.testing.cache import ManualClock

#: Longer than what is too small to compress.
TEXT = "All that glitters is not gold. " * 40

RULES = "/page* ttl=100 stale=50 tags=pages"


class Site:
    """`respond` makes the answer of every page; `calls` counts how often the app was asked."""

    def __init__(self, around=lambda app: app, **settings):
        self.scale = FlaskScale(settings=Settings(**{"cache_responses": RULES, "access_log": False, **settings}))
        self.app = Flask(__name__)
        self.app.wsgi_app = around(self.app.wsgi_app)
        self.scale.init_app(self.app)
        self.app.add_url_rule("/page", view_func=self.view, endpoint="page", methods=["GET", "POST"])
        self.app.add_url_rule("/page/<path:rest>", view_func=self.view, endpoint="pages")
        self.respond = lambda: TEXT
        self.calls = 0

    def view(self, rest=""):
        self.calls += 1
        return self.respond()

    def answers(self, text=TEXT, status=200, **headers):
        """Every page answers this from now on; `Cache_Control=` is the header Cache-Control."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.respond = lambda: Response(text, status, named, mimetype="text/plain")

    def get(self, path="/page", method="GET", **headers):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.app.test_client(use_cookies=False).open(path, method=method, headers=named)

    def is_kept(self, path="/page", **headers):
        """Whether a second request is answered without the app."""
        self.get(path, **headers)
        before = self.calls
        self.get(path, **headers)
        return self.calls == before

    def invalidate(self, *tags):
        with self.app.app_context():
            self.scale.invalidate(*tags)


@pytest.fixture
def clock(monkeypatch):
    """The time of the cache, of stored responses and of dates."""
    clock = ManualClock()
    monkeypatch.setattr(cache, "MemoryCache", partial(cache.MemoryCache, clock=clock))
    monkeypatch.setattr(stored.time, "time", clock)
    return clock


@pytest.fixture
def make_site(clock):
    return Site


@pytest.fixture
def site(make_site):
    return make_site()


@pytest.fixture
def together():
    """Calls a function on many threads at once; gives what it returned."""

    def run(function, count=20):
        found, lock = [], threading.Lock()

        def call():
            result = function()
            with lock:
                found.append(result)

        threads = [threading.Thread(target=call) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        return found

    return run
