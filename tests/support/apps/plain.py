"""An app that knows nothing of flask_scale."""

import gc
import os
import time
from collections.abc import Iterator

from flask import Flask, Response, jsonify, request

app = Flask(__name__)


@app.get("/")
def index() -> Response:
    return jsonify(pid=os.getpid(), client=request.remote_addr, host=request.host, scheme=request.scheme)


@app.get("/pid/<int:number>")
def pid(number: int) -> Response:
    return jsonify(pid=os.getpid(), number=number)


@app.get("/stream/<int:chunks>")
def stream(chunks: int) -> Response:
    def words() -> Iterator[str]:
        for number in range(chunks):
            yield f"chunk {number} {'.' * 65536}"
            time.sleep(0.02)

    return Response(words(), mimetype="text/plain")


@app.get("/large")
def large() -> Response:
    return jsonify(["the same words again"] * 200)


@app.get("/slow/<int:milliseconds>")
def slow(milliseconds: int) -> Response:
    time.sleep(milliseconds / 1000)
    return jsonify(pid=os.getpid())


@app.get("/collector")
def collector() -> Response:
    return jsonify(on=gc.isenabled(), kept=gc.get_freeze_count())


@app.get("/broken")
def broken() -> Response:
    raise RuntimeError("the app's own mistake")
