"""An app with one slow cached view that shows how its value was come by."""

import time
from pathlib import Path

from flask import Flask, Response, jsonify

from flask_scale import FlaskScale

scale = FlaskScale()

#: How long a load takes, in seconds.
LOAD_SECONDS = 0.2


@scale.cached(ttl=300, tags=["reports"])
def report(name: str, loads: str) -> dict[str, str]:
    with Path(loads).open("a") as file:
        file.write(f"{name}\n")
    time.sleep(LOAD_SECONDS)
    return {"name": name}


def create_app() -> Flask:
    app = Flask(__name__)
    scale.init_app(app)

    @app.get("/report/<name>/<path:loads>")
    def show(name: str, loads: str) -> Response:
        value, result = report.lookup(name, f"/{loads}")
        answer = jsonify(value)
        answer.headers["X-Cache"] = result
        return answer

    @app.post("/drop")
    def drop() -> Response:
        scale.invalidate("reports")
        return Response(status=204)

    return app
