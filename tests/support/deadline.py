"""Waiting for what comes true soon, without guessing how soon."""

import time


def assert_soon(condition, seconds=20.0):
    """Pass once `condition()` is true; fail where it takes over `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.01)
