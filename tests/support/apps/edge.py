"""An app whose responses may be kept by nginx in front, or must not be."""

import itertools
import random
from typing import Any

from flask import Flask, Response, jsonify, request

from flask_scale import FlaskScale

app = Flask(__name__)
scale = FlaskScale()
numbers = itertools.count(1)

WORDS = "the same words again " * 100


def page(**more: Any) -> Response:
    return jsonify(number=next(numbers), words=WORDS, **more)


@app.get("/public")
@scale.cached_response(1, public=True, tags=["public"])
def public() -> Response:
    return page()


@app.get("/vast")
@scale.cached_response(60, public=True)
def vast() -> Response:
    return Response(random.Random(1).randbytes(15_000_000), mimetype="application/octet-stream")


@app.get("/varied")
@scale.cached_response(60, public=True)
def varied() -> Response:
    response = page(language=request.headers.get("Accept-Language"))
    response.vary.add("Accept-Language")
    return response


@app.get("/told")
def told() -> Response:
    """What of the client's conditions came through; private, and kept by nobody."""
    names = ("If-None-Match", "If-Modified-Since", "If-Match", "Range", "If-Range", "Authorization")
    return jsonify({name: request.headers[name] for name in names if name in request.headers})


@app.get("/behind")
@scale.cached_response(60, key=lambda: request.headers.get("Cookie", ""))
def behind() -> Response:
    return page(cookie=request.headers.get("Cookie"))


@app.get("/ruled")
def ruled() -> Response:
    return page(cookie=request.headers.get("Cookie"))


@app.get("/own/<path:control>")
def own(control: str) -> Response:
    response = page()
    response.headers["Cache-Control"] = control
    return response


@app.get("/cookie")
def cookie() -> Response:
    response = page()
    response.headers["Cache-Control"] = "public, s-maxage=60"
    response.set_cookie("seen", "yes")
    return response


scale.init_app(app)
