"""RFC 9111: what may be stored, for how long, and for whom. Each test names its section."""

import hashlib
import threading
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from flask import Response, request
from werkzeug.middleware.proxy_fix import ProxyFix

from tests.unit.response_cache.conftest import TEXT

PROXIED = [("a.example", "http"), ("b.example", "http"), ("a.example", "https")]

AGES = {"s-maxage=10": 10, "max-age=20": 20, "max-age=20, s-maxage=10": 10, 'S-MaxAge="10"': 10}


@pytest.mark.parametrize("status", [200, 203, 204, 300, 301, 308, 404, 410])
def test_3_a_final_cacheable_status_is_stored(site, status):
    site.answers(status=status)
    assert site.is_kept()


@pytest.mark.parametrize("status", [201, 202, 206, 302, 303, 307, 400, 401, 403, 405, 429, 500, 503])
def test_3_another_status_is_not_stored(site, status):
    site.answers(status=status)
    assert not site.is_kept()


@pytest.mark.parametrize("control", ["no-store", "private", "no-cache", 'private="Set-Cookie"', "max-age=60, No-Store"])
def test_5_2_2_a_response_that_no_shared_cache_may_reuse_is_not_stored(site, control):
    site.answers(Cache_Control=control)
    assert not site.is_kept()


def test_5_2_2_a_directive_in_a_second_cache_control_line_counts(site):
    def respond():
        response = Response("text")
        response.headers.extend([("Cache-Control", "max-age=60"), ("Cache-Control", "no-store")])
        return response

    site.respond = respond
    assert not site.is_kept()


def test_5_2_1_5_a_request_that_says_no_store_is_neither_stored_nor_answered_from_the_store(site):
    assert not site.is_kept(Cache_Control="no-store")
    site.get()
    assert site.get(Cache_Control="no-store").headers["Cache-Status"] == "flask-scale; fwd=bypass"


def test_what_sets_a_cookie_is_not_stored(site):
    site.answers(Set_Cookie="a=b")
    assert not site.is_kept()


def test_what_is_encoded_already_is_not_stored(site):
    site.answers(Content_Encoding="compress")
    assert not site.is_kept()


@pytest.mark.parametrize("credentials", [{"Authorization": "Bearer x"}, {"Cookie": "session=x"}])
def test_3_5_a_response_to_credentials_is_neither_stored_nor_given_to_others(site, credentials):
    site.respond = lambda: f"for {request.headers.get('Authorization') or request.headers.get('Cookie')}"
    own = site.get(**credentials)
    others = site.get()
    assert others.text == "for None"
    assert site.get(**credentials).text == own.text != others.text
    assert site.get().headers["Age"] == "0"


@pytest.mark.parametrize("credentials", [{"Authorization": "Bearer x"}, {"Cookie": "session=x"}])
@pytest.mark.parametrize("control", ["public", "s-maxage=60"])
def test_3_5_what_the_app_calls_public_is_given_to_all(site, credentials, control):
    site.answers(Cache_Control=control)
    site.get()
    assert site.get(**credentials).headers["Cache-Status"].startswith("flask-scale; hit")
    assert site.calls == 1


@pytest.mark.parametrize("control", AGES)
def test_4_2_1_the_responses_own_lifetime_comes_first(site, clock, control):
    site.answers(Cache_Control=control if "s-maxage" in control.lower() else f"{control}, stale-while-revalidate=0")
    site.get()
    clock.advance(AGES[control] * 0.85)
    assert site.get().headers["Cache-Status"].startswith("flask-scale; hit")
    clock.advance(AGES[control] * 0.2)
    site.get()
    assert site.calls == 2


def test_4_2_1_without_one_the_rules_holds(site, clock):
    site.get()
    clock.advance(89)
    site.get()
    assert site.calls == 1
    clock.advance(62)
    site.get()
    assert site.calls == 2


@pytest.mark.parametrize(
    "control", ["max-age=0", "s-maxage=0, max-age=60", "max-age=soon", "max-age=-1", "max-age=1.5"]
)
def test_4_2_1_a_lifetime_that_is_over_or_invalid_is_stale_at_once(site, control):
    site.answers(Cache_Control=control)
    assert not site.is_kept()


def test_5_3_expires_is_a_lifetime_where_there_is_no_max_age(site, clock):
    later = format_datetime(datetime.fromtimestamp(clock() + 20, UTC), usegmt=True)
    site.answers(Expires=later)
    site.get()
    clock.advance(15)
    site.get()
    assert site.calls == 1
    clock.advance(60)
    site.get()
    assert site.calls == 2


@pytest.mark.parametrize("expires", ["0", "-1", "never"])
def test_5_3_an_expires_that_is_no_date_is_over(site, expires):
    site.answers(Expires=expires)
    assert not site.is_kept()


@pytest.mark.parametrize("directive", ["must-revalidate", "proxy-revalidate"])
def test_5_2_2_2_what_must_be_revalidated_is_never_given_stale(site, clock, directive):
    site.answers(Cache_Control=directive)
    site.get()
    clock.advance(101)
    site.answers("new")
    assert site.get().text == "new"


def test_4_1_vary_chooses_among_stored_responses(site):
    def respond():
        return Response(request.headers.get("Accept-Language", "none"), headers={"Vary": "Accept-Language"})

    site.respond = respond
    for _ in range(3):
        assert [site.get(Accept_Language=language).text for language in ("de", "fr")] == ["de", "fr"]
        assert site.get().text == "none"
    before = site.calls
    assert site.get(Accept_Language="de").text == "de"
    assert site.get(Accept_Language="fr").headers["Cache-Status"].startswith("flask-scale; hit")
    assert site.calls == before


def test_4_1_headers_that_differ_in_blanks_alone_choose_the_same(site):
    site.respond = lambda: Response("text", headers={"Vary": "Accept-Language"})
    site.get(Accept_Language="de, en")
    site.get(Accept_Language="de, en")
    before = site.calls
    site.get(Accept_Language="de,en")
    assert site.calls == before


def test_4_1_a_vary_that_grows_is_followed(site):
    site.respond = lambda: Response("a", headers={"Vary": "A"})
    site.get(A="1")
    site.get(A="1")
    site.respond = lambda: Response(request.headers.get("B", ""), headers={"Vary": "A, B"})
    site.invalidate("pages")
    for _ in range(3):
        assert [site.get(A="1", B=b).text for b in ("x", "y")] == ["x", "y"]


def test_4_1_vary_of_everything_is_not_stored(site):
    site.answers(Vary="*")
    assert not site.is_kept()


def test_4_a_url_is_one_resource_in_whatever_order_its_parameters_come(site):
    site.respond = lambda: request.query_string.decode()
    assert site.get("/page?b=2&a=1&a=0").text == "b=2&a=1&a=0"
    assert site.get("/page?a=1&a=0&b=2").text == "b=2&a=1&a=0"
    assert site.get("/page?a=0&a=1&b=2").text == "a=0&a=1&b=2", "the order of one name's values says something"
    assert site.calls == 2


@pytest.mark.parametrize(
    ("one", "other"), [("/page/a?b=1", "/page/a%3Fb=1"), ("/page/a", "/page/A"), ("/page", "/page?a")]
)
def test_4_other_urls_are_other_resources(site, one, other):
    site.respond = lambda: f"{request.path} {request.query_string!r}"
    assert site.get(one).text != site.get(other).text


def test_4_hosts_and_schemes_are_part_of_the_url(site):
    site.respond = lambda: request.url_root
    assert len({site.get(Host=host).text for host in ("a.example", "b.example", "A.example")}) == 2


@pytest.mark.parametrize("host", ["a.example/page", "a.example?x", "a b", "a.example/page/1?"])
def test_4_a_host_that_is_none_is_never_a_part_of_another_url(site, host):
    site.respond = lambda: request.path
    site.get("/page/1", Host=host)
    assert "hit" not in site.get("/page/1", Host=host).headers.get("Cache-Status", "")


def test_4_1_a_url_cannot_name_the_key_of_anothers_variant(site):
    site.respond = lambda: Response(request.full_path, headers={"Vary": "Accept-Language"})
    chosen = hashlib.sha256(b"accept-language:de").hexdigest()
    for _ in range(3):
        assert site.get(f"/page?|{chosen}").text != site.get("/page", Accept_Language="de").text


def test_4_two_spellings_of_one_parameter_keep_their_order(site):
    site.respond = lambda: ",".join(request.args.getlist("a"))
    assert [site.get(f"/page?{query}").text for query in ("a=1&%61=2", "%61=2&a=1")] == ["1,2", "2,1"]


def test_an_apps_own_proxy_fix_has_its_say_in_the_url(make_site):
    site = make_site(around=lambda app: ProxyFix(app, x_host=1, x_proto=1))
    site.respond = lambda: request.url_root
    seen = [site.get(X_Forwarded_Host=host, X_Forwarded_Proto=scheme).text for host, scheme in PROXIED * 2]
    assert seen == [f"{scheme}://{host}/" for host, scheme in PROXIED * 2]


def test_4_a_long_url_has_a_key_that_no_other_url_can_write(site):
    site.respond = lambda: str(len(request.url))
    assert site.get("/page/" + "x" * 1000).text != site.get("/page/" + "x" * 1001).text


def test_4_only_get_and_head_are_answered(site):
    site.get()
    site.get(method="POST")
    site.get("/page", method="OPTIONS")
    assert site.calls == 2
    assert "Cache-Status" not in site.get(method="POST").headers


def test_5_1_age_says_how_old_it_is(site, clock):
    assert "Age" not in site.get().headers
    clock.advance(42.9)
    assert site.get().headers["Age"] == "42"


def test_4_2_4_the_first_who_finds_it_stale_loads_and_the_others_get_it_stale(site, clock, together):
    site.get()
    clock.advance(101)

    entered, go_on = threading.Event(), threading.Event()

    def slow():
        entered.set()
        assert go_on.wait(20)
        return "new"

    site.respond = slow
    first = threading.Thread(target=site.get)
    first.start()
    assert entered.wait(20)
    try:
        others = [site.get() for _ in range(5)]
    finally:
        go_on.set()
        first.join(20)
    assert {answer.text for answer in others} == {TEXT}
    assert all(answer.headers["Cache-Status"].startswith("flask-scale; hit; ttl=-") for answer in others)
    assert site.get().text == "new"


@pytest.mark.parametrize("failure", ["500", "503", "exception"])
def test_4_2_4_it_is_given_stale_where_the_app_fails(site, clock, failure):
    site.answers("old")
    site.get()
    clock.advance(120)

    def fail():
        if failure == "exception":
            raise RuntimeError
        return Response("broken", int(failure))

    site.respond = fail
    assert site.get().text == "old"
    clock.advance(40)
    assert site.get().status_code == (500 if failure == "exception" else int(failure))


def test_5861_stale_while_revalidate_of_the_response_says_for_how_long(site, clock):
    site.answers("old", Cache_Control="s-maxage=10, stale-while-revalidate=1000")
    site.get()
    clock.advance(900)
    site.answers("broken", status=500)
    assert site.get().text == "old"


def test_5_2_2_10_s_maxage_alone_is_never_given_stale(site, clock):
    site.answers("old", Cache_Control="s-maxage=10")
    site.get()
    clock.advance(11)
    site.answers("new")
    assert site.get().text == "new"


def test_1_2_2_a_lifetime_beyond_all_numbers_is_a_long_one(site, clock):
    site.answers(Cache_Control=f"max-age={'9' * 30}")
    site.get()
    clock.advance(10**8)
    site.get()
    assert site.calls == 1


def test_3_3_a_body_that_is_shorter_than_it_says_is_not_stored(site):
    def respond():
        response = Response("short")
        response.automatically_set_content_length = False
        response.headers["Content-Length"] = "10"
        return response

    site.respond = respond
    assert not site.is_kept()


def test_a_refusal_is_kept_for_a_short_time(site, clock):
    site.answers(status=404)
    assert site.is_kept()
    clock.advance(61)
    assert not site.is_kept() or site.calls == 2


@pytest.mark.parametrize("name", ["Cookie", "Authorization", "User-Agent"])
def test_4_1_what_every_client_has_of_its_own_is_not_stored(site, name):
    site.answers(Vary=name)
    site.get()  # what is kept first is only by what it varies
    assert not site.is_kept()
