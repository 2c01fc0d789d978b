"""What is compressed, what must stay as it is, and the headers that caches go by."""

import gzip
import io
import zlib

import pytest
from flask import Flask, Response, jsonify, request, send_file
from flask_compress import Compress

from flask_scale import compression
from flask_scale.settings import Settings
from flask_scale.state import State

WORDS = ["the same words again"] * 100
ACCEPT = {"Accept-Encoding": "gzip"}


@pytest.fixture
def app():
    app = Flask(__name__)
    app.state = State(Settings())

    @app.get("/words")
    def words():
        return jsonify(WORDS)

    @app.get("/few")
    def few():
        return jsonify(WORDS[:2])

    @app.get("/tagged")
    def tagged():
        response = jsonify(WORDS)
        response.set_etag("v1", weak=request.args.get("weak") == "1")
        return response.make_conditional(request)

    @app.get("/stream")
    def stream():
        return Response(iter([b"one ", b"two"]), mimetype="text/plain")

    @app.get("/file")
    def file():
        return send_file(io.BytesIO(b"x" * 5000), mimetype="text/plain", etag="file", conditional=True)

    @app.get("/encoded")
    def encoded():
        body = gzip.compress(b"x" * 5000)
        return Response(body, mimetype="text/plain", headers={"Content-Encoding": "gzip"})

    @app.get("/no-transform")
    def no_transform():
        return Response("x" * 5000, mimetype="text/plain", headers={"Cache-Control": "no-transform"})

    return app


@pytest.fixture
def client(app):
    compression.init_app(app, app.state)
    return app.test_client()


@pytest.mark.parametrize(
    ("accepted", "chosen"),
    [
        ("gzip, br, zstd", "zstd"),
        ("gzip, br", "br"),
        ("gzip", "gzip"),
        ("gzip;q=1, br;q=0.5", "gzip"),
        ("identity", None),
        ("", None),
    ],
)
def test_the_client_gets_the_best_of_what_it_takes(client, accepted, chosen):
    answer = client.get("/words", headers={"Accept-Encoding": accepted})
    assert answer.headers.get("Content-Encoding") == chosen
    assert answer.headers["Vary"] == "Accept-Encoding"


def test_a_compressed_body_is_the_same_body(client):
    answer = client.get("/words", headers=ACCEPT)
    assert gzip.decompress(answer.data) == client.get("/words").data
    assert answer.content_length == len(answer.data)


def test_gzip_is_at_level_1(client):
    answer = client.get("/words", headers=ACCEPT)
    compressor = zlib.compressobj(1, zlib.DEFLATED, 31)
    same = compressor.compress(client.get("/words").data) + compressor.flush()
    assert answer.data[10:] == same[10:]


def test_a_small_body_is_left_alone(client):
    assert "Content-Encoding" not in client.get("/few", headers=ACCEPT).headers


@pytest.mark.parametrize("path", ["/stream", "/no-transform"])
def test_streams_and_what_must_not_be_transformed_pass_as_they_are(client, path):
    answer = client.get(path, headers=ACCEPT)
    assert "Content-Encoding" not in answer.headers


def test_chunks_of_a_stream_are_not_held_back(client):
    answer = client.get("/stream", headers={"Accept-Encoding": "zstd, br, gzip"})
    assert list(answer.iter_encoded()) == [b"one ", b"two"]


def test_what_is_encoded_already_is_not_encoded_again(client):
    answer = client.get("/encoded", headers=ACCEPT)
    assert answer.headers.get_all("Content-Encoding") == ["gzip"]
    assert gzip.decompress(answer.data) == b"x" * 5000


def test_a_part_of_a_file_is_a_part_of_the_plain_file(client):
    answer = client.get("/file", headers={"Accept-Encoding": "zstd", "Range": "bytes=0-2999"})
    assert (answer.status_code, "Content-Encoding" in answer.headers) == (206, False)
    assert answer.data == b"x" * 3000


@pytest.mark.parametrize(("query", "tag"), [("", '"v1:gzip"'), ("?weak=1", 'W/"v1"')])
def test_an_etag_tells_encodings_apart_and_comes_back_as_304(client, query, tag):
    answer = client.get(f"/tagged{query}", headers=ACCEPT)
    assert answer.headers["ETag"] == tag

    again = client.get(f"/tagged{query}", headers=ACCEPT | {"If-None-Match": tag})

    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["Vary"] == "Accept-Encoding"


def test_hooks_of_the_app_see_the_plain_body_whenever_they_were_made(app):
    seen = []

    def look(response):
        seen.append(response.get_data())
        return response

    app.after_request(look)
    compression.init_app(app, app.state)
    app.after_request(look)

    app.test_client().get("/words", headers=ACCEPT)

    assert seen[0] == seen[1] == app.test_client().get("/words").data


def test_an_app_keeps_its_own_flask_compress_and_its_settings(app):
    app.config["COMPRESS_MIN_SIZE"] = 1
    Compress(app)

    compression.init_app(app, app.state)

    answer = app.test_client().get("/few", headers=ACCEPT)
    assert answer.headers.get_all("Content-Encoding") == ["gzip"]
    assert app.state.parts["compression"] == "off: the app has its own Flask-Compress"


def test_a_flask_compress_that_comes_later_compresses_nothing_twice(app):
    compression.init_app(app, app.state)
    Compress(app)

    answer = app.test_client().get("/words", headers=ACCEPT)

    assert answer.headers.get_all("Content-Encoding") == ["gzip"]
    assert gzip.decompress(answer.data) == app.test_client().get("/words").data
