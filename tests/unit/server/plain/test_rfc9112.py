"""What is plain and what is not, by the section of RFC 9112 that says why."""

import pytest
from gunicorn.http import errors

from flask_scale.server.plain.head import LONGEST, MOST_FIELDS, read_head
from tests.support.wire import are_plain, config, seen_by_gunicorn, seen_here

CFG = config()


def head(*fields: str, line: str = "GET /users?q=1 HTTP/1.1", end: str = "\r\n") -> bytes:
    return end.join([line, "Host: example.com", *fields, "", ""]).encode("latin-1")


def refused(whole: bytes) -> type[Exception] | None:
    """The error that gunicorn's own parser ends it with, reached through ours."""
    assert read_head(whole) is None
    found, error = seen_here(CFG, whole)
    assert (found, error) == seen_by_gunicorn(CFG, whole)
    return error


def test_a_plain_request_is_read_as_a_whole():
    whole = head("Accept: */*", "Content-Type: text/plain", "content-length: 12")
    found = read_head(whole + b"hello world!")
    assert found is not None
    assert found[:4] == ("GET", "/users?q=1", "/users", "q=1")
    assert found.fields == {
        "HTTP_HOST": "example.com",
        "HTTP_ACCEPT": "*/*",
        "CONTENT_TYPE": "text/plain",
        "CONTENT_LENGTH": "12",
    }
    assert (found.length, found.keep_alive, found.size) == (12, True, len(whole))


def test_2_2_a_bare_lf_is_refused():
    assert refused(head("X: a").replace(b"\r\nX", b"\nX")) is errors.InvalidHeader


def test_2_2_a_bare_cr_is_refused():
    assert refused(head("X: a\rY: b")) is errors.InvalidHeader


def test_2_2_an_empty_line_before_the_request_is_gunicorns_to_skip():
    assert are_plain(CFG, b"\r\n" + head()) == [False]


def test_2_3_http_1_0_is_not_plain():
    assert are_plain(CFG, head(line="GET / HTTP/1.0")) == [False]


def test_3_a_request_line_with_more_spaces_is_refused():
    assert refused(head(line="GET /  HTTP/1.1")) is not None
    assert refused(head(line="GET / a HTTP/1.1")) is not None


@pytest.mark.parametrize("target", ["http://example.com/a", "//a/b"])
def test_3_2_2_the_absolute_form_is_not_plain(target):
    assert are_plain(CFG, head(line=f"GET {target} HTTP/1.1")) == [False]


def test_3_2_3_the_authority_form_is_refused():
    assert refused(head(line="GET example.com:80 HTTP/1.1")) is errors.InvalidRequestLine


def test_3_2_4_the_asterisk_form_is_not_plain():
    assert are_plain(CFG, head(line="OPTIONS * HTTP/1.1")) == [False]


def test_3_2_a_target_of_other_bytes_is_refused():
    assert refused(head(line="GET /\xe9 HTTP/1.1")) is errors.InvalidRequestLine


def test_3_2_a_request_without_host_or_with_two_is_not_plain():
    assert read_head(b"GET / HTTP/1.1\r\nAccept: */*\r\n\r\n") is None
    assert refused(head("Host: other")) is errors.InvalidHeader


def test_5_1_a_space_before_the_colon_is_refused():
    assert refused(head("X : a")) is errors.InvalidHeaderName


def test_5_2_a_folded_line_is_refused():
    assert refused(head("X: a", " b")) is errors.ObsoleteFolding


def test_5_5_of_9110_controls_in_a_value_are_refused():
    for control in "\x00\x01\x0b\x0c\x7f":
        assert refused(head(f"X: a{control}b")) is not None


def test_5_3_of_9110_a_repeated_field_is_not_plain():
    assert are_plain(CFG, head("Accept: a", "accept: b")) == [False]


def test_6_1_a_transfer_encoding_is_not_plain_and_with_a_length_refused():
    chunked = b"3\r\nabc\r\n0\r\n\r\n"
    assert are_plain(CFG, head("Transfer-Encoding: chunked", line="POST / HTTP/1.1") + chunked) == [False]
    both = head("Transfer-Encoding: chunked", "Content-Length: 3", line="POST / HTTP/1.1") + chunked
    assert refused(both) is errors.InvalidHeader


@pytest.mark.parametrize("length", ["+3", "-3", "3, 3", "0x3", "3 3", "", "\xb2", "1" * 19])
def test_6_2_a_malformed_length_is_not_plain(length):
    assert read_head(head(f"Content-Length: {length}")) is None


def test_6_2_a_repeated_length_is_refused():
    assert refused(head("Content-Length: 3", "Content-Length: 3")) is errors.InvalidHeader


def test_6_3_a_body_is_read_to_its_length_and_the_next_request_follows():
    pieces = [head("Content-Length: 5", line="POST / HTTP/1.1") + b"hel", b"lo" + head(), head("Accept: a")]
    found, error = seen_here(CFG, *pieces)
    assert [body for _, body, _ in found] == [b"hello", b"", b""]
    assert error is None
    assert are_plain(CFG, *pieces) == [True, True, True]


def test_7_1_1_chunk_extensions_and_trailers_are_gunicorns():
    body = b'3;a="b"\r\nabc\r\n0\r\nX-Trailer: 1\r\n\r\n'
    whole = head("Transfer-Encoding: chunked", line="POST / HTTP/1.1") + body + head()
    assert are_plain(CFG, whole) == [False, True]
    assert seen_here(CFG, whole) == seen_by_gunicorn(CFG, whole)


def test_9_3_requests_in_one_piece_are_read_in_their_order():
    whole = b"".join(head(line=f"GET /{number} HTTP/1.1") for number in range(20))
    found, _ = seen_here(CFG, whole)
    assert [made["PATH_INFO"] for made, _, _ in found] == [f"/{number}" for number in range(20)]
    assert are_plain(CFG, whole) == [True] * 20


def test_9_6_close_ends_the_connection():
    found, _ = seen_here(CFG, head("Connection: close") + head())
    assert [close for _, _, close in found] == [True]


def test_9_6_other_options_of_a_connection_are_not_plain():
    assert are_plain(CFG, head("Connection: upgrade, keep-alive", "Upgrade: websocket")) == [False]


def test_10_1_1_of_9110_expectations_are_gunicorns():
    whole = head("Expect: 100-continue", "Content-Length: 3", line="POST / HTTP/1.1") + b"abc"
    assert are_plain(CFG, whole) == [False]


def test_oversized_heads_are_gunicorns():
    assert read_head(head("X: " + "a" * LONGEST)) is None
    assert read_head(head(*(f"X-{number}: a" for number in range(MOST_FIELDS)))) is None
    assert refused(head("X: " + "a" * 9000)) is errors.LimitRequestHeaders
    assert refused(head(line="GET /" + "a" * 9000 + " HTTP/1.1")) is errors.LimitRequestLine


def test_a_name_with_an_underscore_is_refused():
    assert refused(head("X_Real_IP: 10.0.0.1")) is errors.InvalidHeaderName


@pytest.mark.parametrize(("peer", "scheme"), [(("127.0.0.1", 5), "https"), (("192.0.2.1", 5), "http")])
def test_a_scheme_is_believed_from_trusted_proxies_alone(peer, scheme):
    found, _ = seen_here(CFG, head("X-Forwarded-Proto: https"), peer=peer)
    assert found[0][0]["wsgi.url_scheme"] == scheme


def test_two_fields_that_tell_the_scheme_are_gunicorns_to_judge():
    assert are_plain(CFG, head("X-Forwarded-Proto: https", "X-Forwarded-Ssl: on")) == [False]
    assert seen_here(CFG, head("X-Forwarded-Proto: https", "X-Forwarded-Ssl: off"))[1] is errors.InvalidSchemeHeaders


def test_a_head_in_two_pieces_is_read_as_one():
    whole = head("Accept: a")
    assert seen_here(CFG, whole[:20], whole[20:]) == seen_by_gunicorn(CFG, whole)


def test_names_of_fields_that_clients_make_up_take_no_memory_without_end():
    from flask_scale.server.plain import head as module

    for number in range(3 * module.REMEMBERED_NAMES):
        assert read_head(head(f"X-Made-Up-{number}: a")) is not None
    assert len(module._keys) <= module.REMEMBERED_NAMES
