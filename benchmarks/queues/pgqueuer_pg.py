"""PgQueuer: PostgreSQL is the queue, one asyncio process claims in batches and logs what it did in batches."""

import asyncio
import os
import sys

import asyncpg
from pgqueuer import PgQueuer
from pgqueuer.db import AsyncpgDriver
from pgqueuer.queries import Queries

from benchmarks.queues import effect

URL = os.environ["BENCH_DATABASE_URL"].replace("+psycopg2", "")


async def main():
    queue = PgQueuer(AsyncpgDriver(await asyncpg.connect(URL)))

    @queue.entrypoint("work")
    async def work(job):
        effect()

    return queue


async def prepare(argument):
    queries = Queries(AsyncpgDriver(await asyncpg.connect(URL)))
    if argument == "schema":
        await queries.install()
    else:
        count = int(argument)
        await queries.enqueue(["work"] * count, [None] * count, [0] * count)


if __name__ == "__main__":
    asyncio.run(prepare(sys.argv[1]))
