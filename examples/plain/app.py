"""A Flask app that knows nothing of flask_scale.

Serve it as it is: `flask-scale serve examples.plain.app:app`
"""

from flask import Flask, jsonify, request

app = Flask(__name__)


@app.get("/")
def index():
    return jsonify(message="Hello", client=request.remote_addr, host=request.host)


@app.get("/greet/<name>")
def greet(name):
    return jsonify(message=f"Hello, {name}")
