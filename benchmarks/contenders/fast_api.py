"""FastAPI: its async Redis client for what is cached, a thread for what blocks, GZipMiddleware at level 6."""

import json
import os

import redis.asyncio
from fastapi import FastAPI, HTTPException, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.middleware.gzip import GZipMiddleware
from sqlalchemy import create_engine, select
from sqlalchemy.orm import sessionmaker

from benchmarks.contenders.models import Item

app = FastAPI()
app.add_middleware(GZipMiddleware, minimum_size=500, compresslevel=6)
cache = redis.asyncio.Redis.from_url(os.environ["BENCH_CACHE_URL"])
engine = create_engine(os.environ["BENCH_DATABASE_URL"], pool_size=10, max_overflow=5, pool_recycle=1800)
Session = sessionmaker(engine)


def load():
    with Session() as session:
        rows = session.scalars(select(Item).order_by(Item.id).limit(100))
        return json.dumps([row.as_dict() for row in rows])


@app.get("/report")
async def report():
    cached = await cache.get("report")
    if cached is None:
        cached = await run_in_threadpool(load)
        await cache.setex("report", 300, cached)
    return Response(cached, media_type="application/json")


@app.get("/items/{number}")
def item(number: int):
    with Session() as session:
        found = session.get(Item, number)
        if found is None:
            raise HTTPException(404)
        return found.as_dict()
