"""An app that tells what it was sent, and dies of a POST after it has noted it."""

import os
import signal
from pathlib import Path

from flask import Flask, Response, jsonify, request

app = Flask(__name__)


@app.get("/")
def show() -> Response:
    forwarded = {name: value for name, value in request.headers if name.startswith(("X-Forwarded", "X-Real", "Forw"))}
    return jsonify(client=request.remote_addr, route=list(request.access_route), host=request.host, forwarded=forwarded)


@app.post("/")
def note_and_die() -> Response:
    with Path(os.environ["NOTES"]).open("a") as notes:
        notes.write(request.get_data(as_text=True))
    os.kill(os.getpid(), signal.SIGKILL)
    return Response()
