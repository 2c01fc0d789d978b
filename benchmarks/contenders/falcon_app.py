"""Falcon, with the same Redis, gzip level and pool by hand: it brings none of them."""

import gzip
import json
import os

import falcon
import redis
from sqlalchemy import create_engine, select
from sqlalchemy.orm import sessionmaker

from benchmarks.contenders.models import Item

cache = redis.Redis.from_url(os.environ["BENCH_CACHE_URL"])
engine = create_engine(os.environ["BENCH_DATABASE_URL"], pool_size=10, max_overflow=5, pool_recycle=1800)
Session = sessionmaker(engine)


class Compress:
    def process_response(self, req, resp, resource, req_succeeded):
        if resp.data is not None and len(resp.data) > 500 and "gzip" in (req.get_header("Accept-Encoding") or ""):
            resp.data = gzip.compress(resp.data, 6)
            resp.set_header("Content-Encoding", "gzip")
            resp.append_header("Vary", "Accept-Encoding")


class Report:
    def on_get(self, req, resp):
        cached = cache.get("report")
        if cached is None:
            with Session() as session:
                rows = session.scalars(select(Item).order_by(Item.id).limit(100))
                cached = json.dumps([row.as_dict() for row in rows]).encode()
            cache.setex("report", 300, cached)
        resp.data = cached
        resp.content_type = falcon.MEDIA_JSON


class ItemResource:
    def on_get(self, req, resp, number):
        with Session() as session:
            found = session.get(Item, number)
            if found is None:
                raise falcon.HTTPNotFound
            resp.media = found.as_dict()


app = falcon.App(middleware=[Compress()])
app.add_route("/report", Report())
app.add_route("/items/{number:int}", ItemResource())
