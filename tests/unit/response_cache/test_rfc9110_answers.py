"""RFC 9110 and 9211: how a stored response is given to this request. Each test names its section."""

import gzip
import time

import brotli
import pytest
from flask import Response

from flask_scale.response_cache.encodings import _choose, choose, zstd
from tests.unit.response_cache.conftest import TEXT

DECODE = {"gzip": gzip.decompress, "br": brotli.decompress, "zstd": zstd.decompress}

CHOICES = {
    None: "identity",
    "": "identity",
    "gzip": "gzip",
    "gzip, br, zstd": "zstd",
    "gzip;q=1.0, br;q=0.5": "gzip",
    "GZIP": "gzip",
    "x-other": "identity",
    "*": "zstd",
    "*;q=0": "identity",
    "zstd;q=0, *": "br",
    "gzip;q=0": "identity",
    "identity;q=1, gzip;q=0.5": "identity",
    "gzip;q=nonsense": "identity",
    "br ; q=0.5 , gzip ; q=0.4": "br",
}


@pytest.mark.parametrize("header", CHOICES)
def test_12_5_3_the_encoding_is_the_one_that_the_client_likes_best(header):
    assert choose(header, ("identity", "zstd", "br", "gzip")) == CHOICES[header]


@pytest.mark.parametrize("encoding", DECODE)
def test_12_5_3_every_encoding_is_the_same_text(site, encoding):
    site.get()
    answer = site.get(Accept_Encoding=encoding)
    assert answer.headers["Content-Encoding"] == encoding
    assert DECODE[encoding](answer.data).decode() == TEXT
    assert int(answer.headers["Content-Length"]) == len(answer.data) < len(TEXT)
    assert site.calls == 1


@pytest.mark.parametrize("encoding", [*DECODE, "identity"])
def test_12_5_5_whoever_caches_after_us_is_told_that_the_encoding_was_chosen(site, encoding):
    site.answers(Vary="Accept-Language")
    assert site.get(Accept_Encoding=encoding).headers["Vary"] == "Accept-Language, Accept-Encoding"


@pytest.mark.parametrize(
    ("text", "headers"),
    [("short", {}), (TEXT, {"Content_Type": "image/png"}), (TEXT, {"Cache_Control": "no-transform"})],
)
def test_8_4_what_is_small_or_compressed_or_must_stay_is_sent_as_it_is(site, text, headers):
    site.respond = lambda: Response(text, headers={name.replace("_", "-"): value for name, value in headers.items()})
    for _ in range(2):
        answer = site.get(Accept_Encoding="gzip, br")
        assert "Content-Encoding" not in answer.headers
        assert answer.text == text


def test_8_8_3_3_each_encoding_has_an_entity_tag_of_its_own(site):
    tags = {site.get(Accept_Encoding=encoding).headers["ETag"] for encoding in ("identity", "gzip", "br", "zstd")}
    assert len(tags) == 4
    assert len({tag.partition(":")[0].strip('"') for tag in tags}) == 1


def test_8_8_3_the_apps_own_entity_tag_is_kept(site):
    site.answers(ETag='W/"mine"')
    assert site.get().headers["ETag"] == 'W/"mine"'
    assert site.get(Accept_Encoding="br").headers["ETag"] == 'W/"mine:br"'


@pytest.mark.parametrize("form", ["{}", "W/{}", '"other", {}', '"a,b" , {},"c"', "*"])
def test_13_1_2_who_has_it_already_is_told_so(site, form):
    tag = site.get().headers["ETag"]
    answer = site.get(If_None_Match=form.format(tag))
    assert (answer.status_code, answer.data) == (304, b"")


@pytest.mark.parametrize("tags", ['"other"', 'W/"other"', "unquoted", '"'])
def test_13_1_2_who_has_another_gets_it(site, tags):
    site.get()
    assert site.get(If_None_Match=tags).status_code == 200


def test_13_1_2_the_tag_of_another_encoding_is_another(site):
    tag = site.get(Accept_Encoding="gzip").headers["ETag"]
    assert site.get(Accept_Encoding="br", If_None_Match=tag).status_code == 200
    assert site.get(Accept_Encoding="gzip", If_None_Match=tag).status_code == 304


def test_13_1_2_it_is_so_for_the_request_that_loads_too(site):
    site.answers(ETag='"mine"')
    assert site.get(If_None_Match='"mine"').status_code == 304
    assert site.get().text == TEXT


DATES = {
    "Sat, 01 Jan 2022 00:00:00 GMT": 304,
    "Sun, 02 Jan 2022 00:00:00 GMT": 304,
    "Fri, 31 Dec 2021 00:00:00 GMT": 200,
}


@pytest.mark.parametrize("since", [*DATES, "yesterday", "Sat, 01 Jan 99999999999999999999 00:00:00 GMT"])
def test_13_1_3_since_a_date(site, since):
    site.answers(Last_Modified="Sat, 01 Jan 2022 00:00:00 GMT")
    site.get()
    assert site.get(If_Modified_Since=since).status_code == DATES.get(since, 200)


@pytest.mark.parametrize("name", ["If_None_Match", "Accept_Encoding", "Cache_Control", "If_Modified_Since"])
def test_a_header_of_a_megabyte_costs_little(site, name):
    site.get()
    began = time.process_time()
    for unit in ('"', ",", "a,", '"a",', "gzip;q="):
        site.get(**{name: unit * (1_000_000 // len(unit))})
    assert time.process_time() - began < 30  # quadratic: minutes
    assert _choose.cache_info().currsize <= 1024


def test_13_2_2_an_entity_tag_comes_before_a_date(site):
    site.answers(Last_Modified="Sat, 01 Jan 2022 00:00:00 GMT")
    site.get()
    answer = site.get(If_None_Match='"other"', If_Modified_Since="Sun, 02 Jan 2022 00:00:00 GMT")
    assert answer.status_code == 200


def test_15_4_5_a_304_has_what_a_cache_needs_and_nothing_of_the_body(site):
    site.answers(Content_Language="en", Cache_Control="max-age=60")
    tag = site.get().headers["ETag"]
    headers = site.get(If_None_Match=tag).headers
    assert {"ETag", "Cache-Control", "Vary", "Age", "Cache-Status"} <= set(headers.keys())
    assert not {"Content-Length", "Content-Encoding", "Content-Type", "Content-Language"} & set(headers.keys())


@pytest.mark.parametrize("first", ["GET", "HEAD"])
def test_9_3_2_head_is_get_without_the_body(site, first):
    site.get(method=first)
    head, get = site.get(method="HEAD"), site.get()
    assert head.data == b""
    assert dict(head.headers) | {"X-Request-ID": ""} == dict(get.headers) | {"X-Request-ID": ""}
    assert site.calls == 1


def test_14_2_a_part_is_asked_of_the_app(site):
    site.get()
    assert site.get(Range="bytes=0-1").headers["Cache-Status"] == "flask-scale; fwd=bypass"
    assert site.calls == 2


def test_8_6_no_content_has_no_length(site):
    site.answers("", status=204)
    site.get()
    answer = site.get()
    assert answer.headers["Cache-Status"].startswith("flask-scale; hit")
    assert "Content-Length" not in answer.headers


def test_6_6_1_what_belongs_to_one_request_is_not_given_to_another(site):
    site.answers(X_Request_ID="first", Date="Sat, 01 Jan 2022 00:00:00 GMT", Connection="close")
    site.get()
    headers = site.get().headers
    assert headers["X-Request-ID"] != "first"
    assert "Connection" not in headers
    assert headers.get("Date") != "Sat, 01 Jan 2022 00:00:00 GMT"


def test_rfc_9211_2_the_cache_says_what_it_did(site, clock):
    assert site.get().headers["Cache-Status"] == "flask-scale; fwd=uri-miss; stored"
    clock.advance(10.5)
    assert site.get().headers["Cache-Status"] == "flask-scale; hit; ttl=89"
    site.answers(Set_Cookie="a=b")
    site.invalidate("pages")
    assert site.get().headers["Cache-Status"] == "flask-scale; fwd=uri-miss"
    assert site.get().headers["Cache-Status"] == "flask-scale; fwd=bypass"


def test_a_response_that_says_nothing_is_given_a_cache_control_that_lets_others_ask_again(site):
    assert site.get().headers["Cache-Control"] == site.get().headers["Cache-Control"] == "public, no-cache"
