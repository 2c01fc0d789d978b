"""An app factory with one FlaskScale, a body hook, and a slow query."""

import json

from flask import Flask, Response, jsonify, request
from sqlalchemy import text

from flask_scale import FlaskScale

scale = FlaskScale()


def create_app() -> Flask:
    app = Flask(__name__)
    scale.init_app(app)

    @app.get("/")
    def index() -> Response:
        return jsonify(client=request.remote_addr, host=request.host, scheme=request.scheme)

    @app.get("/large")
    def large() -> Response:
        return jsonify(["the same words again"] * 200)

    @app.get("/sleep")
    def sleep() -> Response:
        scale.session.execute(text("SELECT pg_sleep(3)"))
        return jsonify(slept=True)

    @app.after_request
    def sign(response: Response) -> Response:
        if request.path == "/large":
            response.headers["X-Words"] = str(len(json.loads(response.get_data())))
        return response

    return app


def create_broken_app() -> Flask:
    return Flask(__name__).no_such_method()  # type: ignore[attr-defined,no-any-return]


def create_app_with_wrong_setting() -> Flask:
    app = Flask(__name__)
    app.config["FLASK_SCALE_MAX_IN_FLIGT"] = 7
    return app
