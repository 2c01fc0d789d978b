"""Flask with Flask-Caching's view decorator on Redis, and Flask-Compress."""

import os

from flask import Flask, jsonify
from flask_caching import Cache
from flask_compress import Compress
from sqlalchemy import select

from benchmarks.contenders.tutorial import Item, Session

app = Flask(__name__)
Compress(app)
cache = Cache(app, config={"CACHE_TYPE": "RedisCache", "CACHE_REDIS_URL": os.environ["BENCH_CACHE_URL"]})


@app.get("/report")
@cache.cached(timeout=300)
def report():
    with Session() as session:
        rows = session.scalars(select(Item).order_by(Item.id).limit(100))
        return jsonify([row.as_dict() for row in rows])
