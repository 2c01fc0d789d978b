"""PgQueuer: PostgreSQL is the queue, each asyncio process claims in batches and logs what it did in batches."""

import os
import sys
from contextlib import asynccontextmanager

import asyncpg
import pgqueuer
import uvloop
from pgqueuer import PgQueuer
from pgqueuer.db import AsyncpgDriver
from pgqueuer.queries import Queries

from benchmarks.queues import effect

URL = os.environ["BENCH_DATABASE_URL"].replace("+psycopg2", "")


@asynccontextmanager
async def main():
    queue = PgQueuer(AsyncpgDriver(await asyncpg.connect(URL)))

    @queue.entrypoint("work")
    async def work(job):
        effect()

    yield queue


async def prepare(argument):
    queries = Queries(AsyncpgDriver(await asyncpg.connect(URL)))
    if argument == "schema":
        await queries.install()
    else:
        count = int(argument)
        await queries.enqueue(["work"] * count, [None] * count, [0] * count)


if __name__ == "__main__":
    # `pgq run` fails with the newest typer; this is what it does, on the loop that it takes.
    uvloop.run(pgqueuer.run(main) if sys.argv[1] == "work" else prepare(sys.argv[1]))
