"""What a tutorial on scaling Flask has: redis get and setex, Flask-Compress, a pool of 10 + 5, Celery's delay."""

import json
import os

import redis
from celery import Celery
from flask import Flask, Response, abort, jsonify, request
from flask_compress import Compress
from sqlalchemy import create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, sessionmaker

app = Flask(__name__)
Compress(app)
cache = redis.Redis.from_url(os.environ["BENCH_CACHE_URL"])
engine = create_engine(os.environ["BENCH_DATABASE_URL"], pool_size=10, max_overflow=5, pool_recycle=1800)
Session = sessionmaker(engine)
celery = Celery("tutorial", broker=os.environ["BENCH_BROKER_URL"], backend=os.environ["BENCH_BROKER_URL"])


class Base(DeclarativeBase):
    pass


class Item(Base):
    __tablename__ = "items"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    email: Mapped[str]
    price: Mapped[int]

    def as_dict(self):
        return {"id": self.id, "name": self.name, "email": self.email, "price": self.price}


@celery.task
def work(number):
    return number


@app.get("/report")
def report():
    cached = cache.get("report")
    if cached is None:
        with Session() as session:
            rows = session.scalars(select(Item).order_by(Item.id).limit(100))
            cached = json.dumps([row.as_dict() for row in rows])
        cache.setex("report", 300, cached)
    return Response(cached, mimetype="application/json")


@app.get("/items/<int:number>")
def item(number):
    with Session() as session:
        found = session.get(Item, number)
        if found is None:
            abort(404)
        return jsonify(found.as_dict())


@app.post("/jobs")
def job():
    result = work.delay(request.get_json()["number"])
    return jsonify(id=result.id), 202
