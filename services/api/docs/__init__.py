"""What tells a person how to use the API: /, /docs, /openapi.json and /problems/NAME. No key is needed.

The page is Swagger UI from its wheel; nothing is loaded from elsewhere, and the policy in its header says so.
"""

from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from flask import Blueprint, Flask, Response, current_app, jsonify, render_template, send_from_directory

from services.api.problems import KINDS, Problem

INTRODUCTION = (Path(__file__).parent / "introduction.md").read_text("utf-8")

#: Files of Swagger UI, from where its wheel keeps them.
ASSETS = {"swagger-ui.css": "css", "swagger-ui-bundle.js": "js"}

POLICY = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'"

blueprint = Blueprint(
    "docs", __name__, template_folder="templates", static_folder="static", static_url_path="/docs/own"
)


@blueprint.get("/")
def links() -> Response:
    """Where to go from here."""
    return jsonify(name="User directory", documentation="/docs", openapi="/openapi.json", users="/v1/users")


@blueprint.get("/docs")
def page() -> Response:
    """The page on which every operation can be read and tried."""
    response = Response(render_template("docs.html"))
    response.headers["Content-Security-Policy"] = POLICY
    return response


@blueprint.get("/docs/<name>")
def asset(name: str) -> Response:
    """A file of Swagger UI."""
    if name not in ASSETS:
        raise Problem("not-found")
    with as_file(files("flask_openapi3_swagger") / "templates" / "swagger" / ASSETS[name]) as folder:
        return send_from_directory(folder, name, max_age=86400)


@blueprint.get("/openapi.json")
def openapi() -> Response:
    """The OpenAPI 3.1 document."""
    return jsonify(document())


@blueprint.get("/problems/<name>")
def problem(name: str) -> Response:
    """What a problem's `type` means and what to do about it."""
    if name not in KINDS:
        raise Problem("not-found")
    kind = KINDS[name]
    return jsonify(type=f"/problems/{name}", title=kind.title, status=kind.status, advice=kind.advice)


def document() -> dict[str, Any]:
    """The document as flask-openapi3 makes it, with descriptions in Markdown rather than with <br/>."""
    found: dict[str, Any] = current_app.api_doc  # type: ignore[attr-defined]
    for path in found["paths"].values():
        for operation in path.values():
            operation["description"] = operation.get("description", "").replace("<br/>", "\n").strip()
    return found


def init_app(app: Flask) -> None:
    """Add the pages."""
    app.register_blueprint(blueprint)
