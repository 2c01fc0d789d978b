"""Processes with data caches of their own, told what to do by lines of JSON.

`python -m tests.support.cache_process OPTIONS [gevent]` is one, with the options of `build`
as JSON; `CacheProcess` starts and asks it.
"""

import sys

if "gevent" in sys.argv:
    from gevent import get_hub, monkey

    monkey.patch_all()

    def read_line():
        """Reading a pipe is not cooperative; it must not hold up the greenlet that hears of drops."""
        return get_hub().threadpool.apply(sys.stdin.readline)
else:
    read_line = sys.stdin.readline

import json
import os
import subprocess
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

from flask_scale.cache import DataCache
from flask_scale.cache.memory import MemoryCache
from flask_scale.cache.redis import RedisCache
from flask_scale.cache.tiered import TieredCache

ROOT = Path(__file__).parents[2]

#: L1 is trusted for longer than any test takes, so that only news of a drop can end an entry.
NEAR_TTL = 600.0


def build(url: str, *, timeout: float = 30.0, **options: Any) -> DataCache:
    """A data cache over L1 and the server at `url`. `timeout` is generous: a busy machine is no outage."""
    shared = RedisCache(url, prefix="test:", timeout=timeout)
    return DataCache(TieredCache(MemoryCache(1_000_000), shared, near_ttl=NEAR_TTL), **options)


class CacheProcess:
    """One such process, with a cache of the `options` of `build`."""

    def __init__(self, url: str, *, gevent: bool = False, **options: Any) -> None:
        options["url"] = url
        command = [sys.executable, "-m", "tests.support.cache_process", json.dumps(options), *(["gevent"] * gevent)]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        self.popen = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def send(self, do: str, **arguments: Any) -> None:
        """Tell it to do something, without waiting."""
        self.popen.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
        self.popen.stdin.flush()

    def answer(self) -> Any:
        """Wait for the answer to the oldest order."""
        return json.loads(self.popen.stdout.readline())

    def ask(self, do: str, **arguments: Any) -> Any:
        """Tell it to do something and wait for the answer."""
        self.send(do, **arguments)
        return self.answer()

    def kill(self) -> None:
        """End it at once, as a crash would."""
        self.popen.kill()
        self.popen.wait()
        self.popen.stdin.close()
        self.popen.stdout.close()


class Orders:
    """What a cache process can be told."""

    def __init__(self, cache: DataCache) -> None:
        self.cache = cache

    def live(self) -> bool:
        """Whether it hears of drops; asks for the subscription by a look-up."""
        self.cache.get_or_load("warm-up", lambda: 1)
        return self.cache.backend.live

    def rush(self, key: str, callers: int, start_at: float, load_seconds: float, log: str) -> dict[str, int]:
        """Look `key` up `callers` times at once; each load adds a line to `log`. Returns results counted."""
        results: list[str] = []

        def load() -> str:
            with open(log, "a") as file:
                file.write(f"{os.getpid()}\n")
            time.sleep(load_seconds)
            return "loaded"

        def call() -> None:
            time.sleep(max(0.0, start_at - time.time()))
            value, result = self.cache.lookup(key, load, tags=["rush"])
            results.append(f"{value} {result}")

        threads = [threading.Thread(target=call) for _ in range(callers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return Counter(results)

    def read(self, key: str, truth: str, load_seconds: float = 0.0) -> str:
        """Look `key` up; the load reads the file `truth` first and is slow then."""

        def load() -> str:
            value = Path(truth).read_text()
            time.sleep(load_seconds)
            return value

        return self.cache.get_or_load(key, load, tags=["truth"])

    def hang(self, key: str) -> None:
        """Take the lease of `key` and never come back."""
        self.cache.get_or_load(key, lambda: [print("0", flush=True), time.sleep(600)])


def main() -> None:
    orders = Orders(build(**json.loads(sys.argv[1])))
    while line := read_line():
        order = json.loads(line)
        print(json.dumps(getattr(orders, order.pop("do"))(**order)), flush=True)


if __name__ == "__main__":
    main()
