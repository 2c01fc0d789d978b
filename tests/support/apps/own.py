"""An app that knows nothing of flask_scale and has parts of its own for much of what it does."""

from flask import Flask, Response, g, jsonify, request
from flask_compress import Compress
from prometheus_flask_exporter import PrometheusMetrics
from werkzeug.middleware.proxy_fix import ProxyFix

app = Flask(__name__)
app.wsgi_app = ProxyFix(app.wsgi_app, x_for=2)  # type: ignore[method-assign]
Compress(app)
PrometheusMetrics(app, group_by="endpoint")


@app.before_request
def count_calls() -> None:
    g.calls = g.get("calls", 0) + 1


@app.after_request
def show_calls(response: Response) -> Response:
    response.headers["X-Calls"] = str(g.calls)
    return response


@app.get("/")
def index() -> Response:
    return jsonify(client=request.remote_addr)


@app.get("/large")
def large() -> Response:
    return jsonify(["the same words again"] * 200)


@app.get("/healthz")
def healthz() -> str:
    return "the app's own"
