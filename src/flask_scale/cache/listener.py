"""Hears what other processes drop, so that L1 can drop it too: one thread (greenlet) a process.

Failure policy: while it is not live, L1 is not believed; it connects anew, and L1 starts empty then.
"""

import logging
import os
import random
import threading
from collections.abc import Callable

from redis.client import PubSub
from redis.exceptions import RedisError

from flask_scale.cache.drops import Drops

#: How often it wakes to see whether it should end, in seconds.
TICK_SECONDS = 0.25
#: A connection silent for this long is asked for a sign of life, which must come within as long again.
SILENCE_SECONDS = 1.0
#: Longest pause before it connects anew, in seconds; the pause is a random part of it.
RECONNECT_SECONDS = 1.0

log = logging.getLogger(__name__)

#: Of this process; asking the kernel at each look-up would cost as much as the look-up.
_pid = os.getpid()


def _renew() -> None:
    global _pid
    _pid = os.getpid()


os.register_at_fork(after_in_child=_renew)


class Listener:
    """`subscribe` gives a new subscription each time.

    `on_live` runs before `live` turns true, `on_drops` for each message, `on_quiet` between messages.
    """

    def __init__(
        self,
        subscribe: Callable[[], PubSub],
        *,
        on_drops: Callable[[Drops], None],
        on_live: Callable[[], None],
        on_quiet: Callable[[], None],
    ) -> None:
        self._subscribe = subscribe
        self._on_drops = on_drops
        self._on_live = on_live
        self._on_quiet = on_quiet
        self._forget()

    def _forget(self) -> None:
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._live = False
        self._pid = _pid

    @property
    def live(self) -> bool:
        """True while every drop of other processes reaches this one."""
        return self._live and self._pid == _pid

    def start(self) -> None:
        """Begin to listen, where this process does not yet: a fork has none of its parent's threads."""
        if self._thread is not None and self._pid == _pid:
            return
        if self._pid != _pid:
            self._forget()
        with self._lock:
            if self._thread is None and not self._ended.is_set():
                self._thread = threading.Thread(target=self._run, name="flask-scale-cache", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """End the thread."""
        self._ended.set()
        self._live = False
        if self._thread is not None and self._pid == _pid:
            self._thread.join(timeout=4 * TICK_SECONDS)

    def _run(self) -> None:
        ended = self._ended
        while not ended.is_set():
            try:
                with self._subscribe() as subscription:
                    self._listen(subscription, ended)
            except (RedisError, OSError) as error:
                log.debug("the cache's subscription ended: %s", error)
            except Exception:
                # Without this thread the process would never again believe what it holds.
                log.exception("the cache's subscription ended")
            finally:
                self._live = False
            ended.wait(random.uniform(0.1, RECONNECT_SECONDS))  # noqa: S311

    def _listen(self, subscription: PubSub, ended: threading.Event) -> None:
        silent = 0.0
        while not ended.is_set():
            message = subscription.get_message(timeout=TICK_SECONDS)
            if message is None:
                silent += TICK_SECONDS
                self._on_quiet()
                self._check(subscription, silent)
                continue
            silent = 0.0
            if message["type"] == "subscribe":
                self._on_live()
                self._live = True
            elif message["type"] == "message":
                self._on_drops(Drops.of(message["data"]))

    @staticmethod
    def _check(subscription: PubSub, silent: float) -> None:
        if silent == SILENCE_SECONDS:
            subscription.ping()
        elif silent >= 2 * SILENCE_SECONDS:
            raise TimeoutError("no sign of life")
