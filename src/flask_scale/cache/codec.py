"""Values as JSON bytes: what a cache keeps, and what a hit and a miss both give."""

import json
from typing import Any

from flask_scale.errors import NotCacheable


def encode(key: str, value: Any) -> bytes:
    """Return `value` as JSON.

    Raises:
        NotCacheable: JSON cannot carry it; the message names the key and the type.
    """
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        raise NotCacheable(
            f"{key}: a {type(value).__name__} that JSON cannot carry ({error}); "
            "return dicts, lists, strings, numbers, booleans or None"
        ) from error
    return text.encode("utf-8", "surrogatepass")


def decode(value: bytes) -> Any:
    """Return a new object each time, so that a caller may change what it got."""
    return json.loads(value.decode("utf-8", "surrogatepass"))
