"""How many queries sleep at once, asked of PostgreSQL itself."""

import threading
import time

from sqlalchemy import create_engine, text

from flask_scale.database import normalise_url

QUERY = text("SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'SELECT pg_sleep%'")


class Sleepers:
    """Looks from its `with` to its end; `most` is the highest number that it saw."""

    def __init__(self, url):
        self.most = 0
        self._engine = create_engine(normalise_url(url))
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()
        self._engine.dispose()

    def _look(self):
        with self._engine.connect() as connection:
            while not self._stop.is_set():
                self.most = max(self.most, connection.scalar(QUERY))
                connection.rollback()
                time.sleep(0.02)
