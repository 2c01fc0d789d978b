"""Procrastinate: PostgreSQL is the queue, workers hear of jobs by LISTEN."""

import os
import sys

from procrastinate import App, PsycopgConnector, SyncPsycopgConnector

from benchmarks.queues import effect, enqueue_by

URL = os.environ["BENCH_DATABASE_URL"].replace("+psycopg2", "")

app = App(connector=PsycopgConnector(conninfo=URL))


@app.task(name="work")
def work():
    effect()


if __name__ == "__main__":
    with app.replace_connector(SyncPsycopgConnector(conninfo=URL)) as enqueuing, enqueuing.open():
        if sys.argv[1] == "schema":
            enqueuing.schema_manager.apply_schema()
        else:
            enqueue_by(work.defer)
