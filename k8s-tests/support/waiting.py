"""Waiting for what a cluster brings about, with a deadline."""

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")


def eventually(look: Callable[[], Found], what: str, *, seconds: float = 120) -> Found:
    """Look each half second until what is seen is true, and return it.

    Raises:
        AssertionError: it was not so within `seconds`; names `what` and the last error of `look`, if it raised.
    """
    deadline = time.monotonic() + seconds
    while True:
        error: Exception | None = None
        try:
            if found := look():
                return found
        except Exception as raised:
            error = raised
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}") from error
        time.sleep(0.5)
