"""`cached_response` on a view: behind the app's hooks, or, where anybody may have it, in front of them."""

import functools
import gzip
import json
import threading
import time

import pytest
from flask import Flask, abort, g, jsonify, make_response, request, session
from flask.views import MethodView

from flask_scale import FlaskScale
from flask_scale.response_cache import view as view_module
from flask_scale.settings import Settings


@pytest.fixture(autouse=True)
def warns_anew():
    """What is said once for a view is said once a test."""
    view_module._warn.cache_clear()


class App:
    """A view at /user/<name>, decorated as a test says; `calls` counts it."""

    def __init__(self, around=lambda view: view, **options):
        self.scale = FlaskScale(settings=Settings(access_log=False))
        self.flask = Flask(__name__)
        self.flask.secret_key = "x"
        self.scale.init_app(self.flask)
        self.calls = 0
        self.respond = lambda name: jsonify(name=name, calls=self.calls, text="x" * 1000)

        def view(name):
            self.calls += 1
            return self.respond(name)

        self.view = self.scale.cached_response(ttl=60, **options)(view)
        self.flask.add_url_rule("/user/<name>", view_func=around(self.view), endpoint="user")

    def get(self, path="/user/a", method="GET", **headers):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.flask.test_client(use_cookies=False).open(path, method=method, headers=named)


def test_the_second_request_does_not_enter_the_view():
    app = App()
    assert app.get().data == app.get().data
    assert app.get("/user/b").json["name"] == "b"
    assert app.calls == 2


@pytest.mark.parametrize("encoding", ["gzip", "br", "zstd"])
def test_it_is_compressed_once_and_told_by_its_tag(encoding):
    app = App()
    app.get()
    answer = app.get(Accept_Encoding=encoding)
    assert answer.headers["Content-Encoding"] == encoding
    assert app.get(Accept_Encoding=encoding, If_None_Match=answer.headers["ETag"]).status_code == 304
    assert app.get(method="HEAD").headers["Content-Length"] == app.get().headers["Content-Length"]
    assert app.calls == 1


def test_a_request_that_loads_may_come_with_conditions():
    app = App()
    app.respond = lambda name: make_response(jsonify(1), {"ETag": '"a"'}).make_conditional(request)
    assert app.get(If_None_Match='"a"').status_code == 304
    assert app.get().json == 1
    assert app.calls == 1


def test_the_access_check_is_made_for_every_request():
    app = App()

    @app.flask.before_request
    def check():
        if request.headers.get("X-Key") != "good":
            abort(403)

    assert app.get(X_Key="good").status_code == 200
    assert app.get().status_code == 403
    assert app.get(X_Key="good").headers["Cache-Status"].startswith("flask-scale; hit")


def test_what_the_app_adds_after_is_added_for_every_request():
    app = App()

    @app.flask.after_request
    def add(response):
        response.set_cookie("seen", request.headers["X-Client"])
        return response

    cookies = [app.get(X_Client=client).headers["Set-Cookie"] for client in ("one", "two")]
    assert [cookie.partition(";")[0] for cookie in cookies] == ["seen=one", "seen=two"]
    assert app.calls == 1


def test_it_is_for_who_passed_the_check_and_no_cache_in_between_keeps_it():
    assert App().get().headers["Cache-Control"] == "private, no-cache"


def test_with_a_key_each_has_their_own():
    app = App(key=lambda: g.user)
    app.flask.before_request(lambda: setattr(g, "user", request.headers["X-User"]))
    app.respond = lambda name: g.user
    assert [app.get(X_User=user).text for user in ("a", "b", "a")] == ["a", "b", "a"]
    assert app.calls == 2


def test_a_view_that_reads_the_session_is_not_kept_unless_it_has_a_key(caplog):
    app = App()
    app.respond = lambda name: session.get("user", "nobody")
    app.get()
    app.get()
    assert app.calls == 2
    assert caplog.text.count("view: the session was read") == 1

    keyed = App(key=lambda: session.get("user", "nobody"))
    keyed.respond = app.respond
    keyed.get()
    keyed.get()
    assert keyed.calls == 1


@pytest.mark.parametrize("options", [{}, {"key": lambda: ""}])
def test_a_hook_that_reads_the_session_may_tell_the_view_who_asks(options):
    app = App(**options)
    app.flask.before_request(lambda: setattr(g, "user", session.get("user")))
    app.get()
    app.get()
    assert app.calls == (1 if options else 2), "a key of nothing says that all get the same"


def test_two_views_at_one_url_are_two_responses():
    app = App()

    def admin(name):
        return "for admins"

    decorated = app.scale.cached_response(ttl=60)(admin)
    home = {"admin": decorated, "user": app.view}
    app.flask.add_url_rule(
        "/home/<name>", view_func=lambda name: home[request.headers["X-Role"]](name), endpoint="home"
    )
    assert app.get("/home/a", X_Role="admin").text == "for admins"
    assert app.get("/home/a", X_Role="user").json["name"] == "a"


def test_what_a_decorator_hands_to_the_view_needs_a_key(caplog):
    def with_user(view):
        @functools.wraps(view)
        def wrapped(**kwargs):
            return view(kwargs["name"] + request.headers["X-User"])

        return wrapped

    app = App(around=with_user)
    assert [app.get(X_User=user).json["name"] for user in ("1", "2")] == ["a1", "a2"]
    assert caplog.text.count("view: called with more than its URL says") == 1

    keyed = App(around=with_user, key=lambda: request.headers["X-User"])
    assert [keyed.get(X_User=user).json["name"] for user in ("1", "2", "1")] == ["a1", "a2", "a1"]
    assert keyed.calls == 2


def test_a_decorator_below_it_is_refused():
    @functools.wraps(jsonify)
    def login_required(name):
        return jsonify(name)

    scale = FlaskScale(settings=Settings())
    with pytest.raises(TypeError, match="directly above the function, below every other decorator"):
        scale.cached_response(ttl=60)(login_required)


def test_public_and_a_key_contradict_each_other():
    with pytest.raises(ValueError, match="public=True"):
        App(public=True, key=lambda: "a")


def test_keys_and_urls_are_not_mistaken_for_each_other():
    app = App(key=lambda: request.headers["X-User"])
    app.respond = lambda name: f"{request.headers['X-User']} {request.query_string.decode()}"
    assert app.get("/user/a?x|a", X_User="bob").text != app.get("/user/a?x", X_User="a|bob").text


def test_methods_of_a_class_are_views_of_their_own():
    scale = FlaskScale(settings=Settings(access_log=False))
    calls = []

    class Page(MethodView):
        @scale.cached_response(ttl=60)
        def get(self, name):
            calls.append("get")
            return "got " + name

        @scale.cached_response(ttl=60)
        def head(self, name):
            return ""

    app = Flask(__name__)
    scale.init_app(app)
    app.add_url_rule("/page/<name>", view_func=Page.as_view("page"))
    client = app.test_client()
    client.head("/page/a")
    assert [client.get("/page/a").text for _ in range(2)] == ["got a", "got a"]
    assert calls == ["get"]


@pytest.mark.parametrize("requests", [1, 2])
def test_the_apps_own_hooks_see_and_change_plain_bodies(requests):
    app = App()

    @app.flask.after_request
    def change(response):
        return response if response.is_json else abort(500)

    @app.flask.after_request
    def sign(response):
        response.set_data(response.get_data(as_text=True).replace("xxx", request.headers["X-Word"], 1))
        return response

    for word in ["one", "two"][:requests]:
        answer = app.get(Accept_Encoding="gzip", X_Word=word)
        assert json.loads(gzip.decompress(answer.data))["text"].startswith(word)
    assert app.calls == 1


def test_what_a_view_asks_to_be_done_at_the_end_is_done():
    app = App()
    closed = []

    def respond(name):
        response = jsonify(name)
        response.call_on_close(lambda: closed.append(name))
        return response

    app.respond = respond
    app.get()
    app.get()
    assert closed == ["a"]


def test_a_tag_that_a_client_made_too_long_is_no_error():
    app = App(tags=["user:{name}"])
    assert [app.get("/user/" + "x" * 300).status_code for _ in range(2)] == [200, 200]
    assert app.calls == 2


def test_who_waited_for_one_that_was_refused_asks_for_themselves(together):
    app = App()
    first = threading.Event()

    def respond(name):
        if not first.is_set():
            first.set()
            time.sleep(0.2)
            abort(403)
        return name

    app.respond = respond
    assert sorted(together(lambda: app.get().status_code, 5)) == [200] * 4 + [403]


def test_a_refusal_by_a_response_is_not_answered_with_a_stale_one(clock):
    app = App(stale=1000)
    app.respond = lambda name: "secret"
    app.get()
    clock.advance(61)
    app.respond = lambda name: abort(make_response("refused", 403))
    assert app.get().status_code == 403


def test_abort_is_an_answer_that_is_not_kept():
    app = App()
    app.respond = lambda name: abort(404)
    assert [app.get().status_code, app.get().status_code] == [404, 404]
    assert app.calls == 2


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_write_enters_the_view(method):
    app = App()
    app.flask.add_url_rule("/write/<name>", view_func=app.view, endpoint="write", methods=["POST", "PUT"])
    app.get("/write/a", method)
    app.get("/write/a", method)
    assert app.calls == 2


@pytest.mark.parametrize("public", [False, True])
def test_a_tag_may_name_a_part_of_the_url(public):
    app = App(tags=["user:{name}"], public=public)
    app.get("/user/a")
    app.get("/user/b")
    with app.flask.app_context():
        app.scale.invalidate("user:a")
    app.get("/user/a")
    app.get("/user/b")
    assert app.calls == 3


class TestPublic:
    """Given in front of Flask."""

    def test_a_hit_runs_nothing_of_the_app(self):
        app = App(public=True)
        hooks = []
        app.flask.before_request(lambda: hooks.append(1))
        answers = [app.get(Authorization="Bearer x", Cookie="a=b") for _ in range(3)]
        assert len({answer.data for answer in answers}) == 1
        assert (app.calls, len(hooks)) == (1, 1)

    def test_it_is_what_the_app_sent_with_its_hooks(self):
        app = App(public=True)

        @app.flask.after_request
        def add(response):
            response.headers["X-Frame-Options"] = "DENY"
            return response

        app.get()
        assert app.get().headers["X-Frame-Options"] == "DENY"
        assert app.get().headers["Cache-Control"] == "public, no-cache"

    def test_a_decorator_around_it_is_asked_for_every_request(self):
        def login_required(view):
            @functools.wraps(view)
            def checked(*args, **kwargs):
                if "X-Login" not in request.headers:
                    abort(403)
                return view(*args, **kwargs)

            return checked

        app = App(public=True, around=login_required)
        assert [app.get(X_Login="1").status_code, app.get().status_code] == [200, 403]
        assert app.get(X_Login="1").headers["Cache-Status"].startswith("flask-scale; hit")
        assert app.calls == 1

    def test_a_redirect_to_the_right_url_and_an_unknown_one_are_the_apps(self):
        app = App(public=True)
        app.flask.add_url_rule("/slash/", view_func=app.view, defaults={"name": "x"}, endpoint="slash")
        assert app.get("/slash").status_code == 308
        assert app.get("/nowhere").status_code == 404
