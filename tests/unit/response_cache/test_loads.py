"""One load a URL, bounds on what is kept, and what drops it."""

import threading
import time

import pytest
from flask import Response

from flask_scale.errors import SettingsError
from flask_scale.response_cache import parse_rules
from flask_scale.settings import Settings
from flask_scale.state import state_of
from tests.unit.response_cache.conftest import TEXT


def test_many_at_once_are_one_call_of_the_app(site, together):
    def slow():
        time.sleep(2)
        return "text"

    site.respond = slow
    answers = together(site.get)
    assert {answer.text for answer in answers} == {"text"}
    assert site.calls == 1
    collapsed = [answer.headers["Cache-Status"] for answer in answers].count(
        "flask-scale; fwd=uri-miss; stored; collapsed"
    )
    assert 0 < collapsed < len(answers)


def test_what_may_not_be_stored_is_not_waited_for(site, together):
    """The second of many knows already: all others are in the app at one time."""
    site.answers(Cache_Control="no-store")
    site.get()
    inside = threading.Barrier(10, timeout=20)

    def respond():
        inside.wait()
        return Response("text", headers={"Cache-Control": "no-store"})

    site.respond = respond
    assert {answer.status_code for answer in together(site.get, 10)} == {200}


def test_a_url_that_was_passed_is_tried_again(site, clock):
    site.answers(Set_Cookie="a=b")
    site.get()
    site.answers("text")
    assert not site.is_kept()
    clock.advance(11)
    assert site.is_kept()


def test_an_exception_reaches_everyone_who_waited(site, together):
    site.app.testing = True

    def fail():
        time.sleep(0.1)
        raise KeyError("broken")

    site.respond = fail

    def ask():
        with pytest.raises(KeyError):
            site.get()
        return True

    assert together(ask, 5) == [True] * 5


def test_a_stream_is_passed_on_as_it_comes(site):
    go_on = threading.Event()

    def pieces():
        yield b"first"
        assert go_on.wait(20)
        yield b"last"

    site.respond = lambda: Response(pieces())
    answer = site.app.test_client().get("/page", buffered=False)
    chunks = answer.iter_encoded()
    assert next(chunks) == b"first"
    go_on.set()
    assert next(chunks) == b"last"
    assert not site.is_kept()


@pytest.mark.parametrize("status", [200, 500])
def test_the_body_of_a_response_that_is_not_kept_is_closed_once(site, status):
    closed = []
    site.respond = lambda: _closing(Response((piece for piece in [b"text"]), status), closed)
    for method in ("GET", "HEAD"):
        site.get(method=method).close()
    assert closed == [1, 1]


def _closing(response, closed):
    response.call_on_close(lambda: closed.append(1))
    return response


def test_a_body_over_the_limit_is_passed_on(make_site):
    site = make_site(cache_response_max_bytes=len(TEXT) - 1)
    assert not site.is_kept()
    assert site.get().text == TEXT
    assert make_site(cache_response_max_bytes=len(TEXT)).is_kept()


def test_a_flood_of_urls_stays_within_the_memory_that_was_given(make_site):
    site = make_site(cache_memory_bytes=100_000)
    for number in range(1000):
        site.get(f"/page/{number}")
    shelf = state_of(site.app).cache.backend._shelf
    assert 50_000 < shelf.currsize <= 100_000
    assert site.is_kept("/page/999")


def test_an_invalidated_tag_drops_it(site):
    site.get()
    site.invalidate("pages")
    site.answers("new")
    assert site.get().text == "new"


def test_a_load_that_began_before_the_drop_is_not_kept(site):
    def drop_meanwhile():
        site.invalidate("pages")
        return "old"

    site.respond = drop_meanwhile
    site.get()
    site.answers("new")
    assert site.get().text == "new"


def test_hits_are_counted_as_requests_of_their_rule(site):
    for _ in range(3):
        site.get("/page/1")
    registry = state_of(site.app).registry
    labels = {"method": "GET", "url_rule": "/page/<path:rest>", "status": "200"}
    assert registry.get_sample_value("flask_http_request_duration_seconds_count", labels) == 3


def test_a_path_without_a_rule_is_the_apps(site):
    site.app.add_url_rule("/other", view_func=site.view, endpoint="other")
    assert not site.is_kept("/other")
    assert "Cache-Status" not in site.get("/other").headers


def test_without_a_cache_it_is_the_apps_response_all_the_same(make_site):
    site = make_site(cache_memory_bytes=0)
    assert not site.is_kept()
    assert site.get(Accept_Encoding="gzip").headers["Content-Encoding"] == "gzip"


def test_the_first_rule_that_matches_holds_and_a_ttl_of_0_leaves_a_path_out(make_site):
    site = make_site(cache_responses="/page/live* ttl=0; /page/* ttl=60\n/page ttl=1 stale=0")
    assert not site.is_kept("/page/live/1")
    assert site.is_kept("/page/1")


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ("page ttl=60", "'page ttl=60': a rule begins with a path"),
        ("/page tll=60", "'tll' is not one of ttl=, stale=, tags="),
        ("/a ttl=60; /b ttl=soon", "'/b ttl=soon': ttl= is a number of seconds, 0 or more"),
        ("/page stale=-1", "stale= is a number of seconds, 0 or more"),
        ("/page ttl=nan", "ttl= is a number"),
        ("/page ttl=1e300", "ttl= is a number"),
        ("/page tags=user:{id}", "a rule's tags cannot name parts of the URL"),
    ],
)
def test_a_wrong_rule_is_refused_with_the_reason(rules, words, make_site):
    with pytest.raises(SettingsError, match=f"^FLASK_SCALE_CACHE_RESPONSES: .*{words}"):
        make_site(cache_responses=rules)


def test_a_star_stands_for_anything_and_all_else_for_itself(make_site):
    site = make_site(cache_responses="/page/a?[b]*c ttl=60")
    assert site.is_kept("/page/a%3F[b]/x/c")
    assert not site.is_kept("/page/axb/c")


def test_a_rule_leaves_a_decorated_view_its_own_terms(make_site):
    """Its tags, its access checks, and for users with cookies its cache."""
    site = make_site(cache_responses="/* ttl=600")
    view = site.scale.cached_response(ttl=60, tags=["own:{rest}"])(site.view)
    site.app.add_url_rule("/own/<rest>", view_func=view, endpoint="own")
    assert site.is_kept("/own/a")
    assert site.is_kept("/own/a", Cookie="a=b")
    assert site.calls == 1
    site.invalidate("own:a")
    site.get("/own/a")
    assert site.calls == 2


@pytest.mark.parametrize(("rules", "calls"), [("/* ttl=0", 2), ("/* ttl=600", 1)])
def test_a_rule_with_a_ttl_of_0_leaves_out_what_is_public_too(make_site, rules, calls):
    site = make_site(cache_responses=rules)
    hooks = []
    site.app.before_request(lambda: hooks.append(1) and None)
    view = site.scale.cached_response(ttl=60, public=True)(site.view)
    site.app.add_url_rule("/own", view_func=view, endpoint="own")
    site.get("/own")
    site.get("/own")
    assert len(hooks) == calls


def test_rules_are_read():
    one, other = parse_rules(" /a/*  ttl=60 stale=30 tags=x,y ;\n\n /b ")
    assert (one.policy.ttl, one.policy.stale, list(one.policy.tags)) == (60, 30, ["x", "y"])
    assert (other.policy.ttl, other.policy.stale, list(other.policy.tags)) == (None, None, [])
    assert parse_rules(Settings().cache_responses) == []
