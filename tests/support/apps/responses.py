"""A page that shows a number, which a POST changes: kept as a response, for anybody and behind a check."""

import os
import time
from pathlib import Path

from flask import Flask, jsonify, request

from flask_scale import FlaskScale

#: How long the page takes, in seconds, where `?slow` asks for it.
SLOW_SECONDS = 0.3

#: Holds the number; every load adds a line to `loads` beside it.
FILE = Path(os.environ.get("NUMBER_FILE", "/nonexistent"))

scale = FlaskScale()


def create_app():
    app = Flask(__name__)
    scale.init_app(app)

    def page():
        with FILE.with_name("loads").open("a") as loads:
            loads.write("x")
        if "slow" in request.args:
            time.sleep(SLOW_SECONDS)
        return jsonify(number=int(FILE.read_text()), pad="x" * 1000)

    app.get("/public", endpoint="public")(scale.cached_response(ttl=60, tags=["number"], public=True)(page))
    app.get("/checked", endpoint="checked")(scale.cached_response(ttl=60, tags=["number"])(page))

    @app.post("/number")
    def change():
        new = FILE.with_suffix(".new")
        new.write_text(request.get_data(as_text=True))
        new.replace(FILE)
        scale.invalidate("number")
        return "", 204

    return app
