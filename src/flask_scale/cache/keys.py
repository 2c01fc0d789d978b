"""A cache key of a function and its arguments: the same call, however written, has the same key."""

import hashlib
import inspect
import json
from collections.abc import Callable
from typing import Any

from flask_scale.cache.contract import MAX_KEY_BYTES

SCALARS = (str, int, float, bool, type(None))


def call_key(function: Callable[..., Any], signature: inspect.Signature, args: Any, kwargs: Any) -> str:
    """Return "module.name:{arguments}", with defaults filled in; hashed where it is long or odd.

    Raises:
        TypeError: the function does not take the arguments, or one of them is not JSON.
    """
    name = f"{function.__module__}.{function.__qualname__}"
    bound = signature.bind(*args, **kwargs)
    bound.apply_defaults()
    for parameter, value in bound.arguments.items():
        _check(name, parameter, value)
    try:
        arguments = json.dumps(bound.arguments, sort_keys=True, allow_nan=False, separators=(",", ":"))
    except ValueError as error:
        raise TypeError(f"{name}: the arguments make no cache key ({error}); give key=") from error
    return safe_key(f"{name}:{arguments}")


def safe_key(key: str) -> str:
    """Return `key` itself where it is printable ASCII and short enough, else its beginning and a hash.

    One that could be taken for such a hash is hashed too: nobody can write another's key.
    """
    if len(key) <= MAX_KEY_BYTES and key.isascii() and key.isprintable() and "#" not in key:
        return key
    digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
    beginning = "".join(letter for letter in key[:100] if letter.isascii() and letter.isprintable())
    return f"{beginning}#{digest}"


def _check(name: str, parameter: str, value: Any) -> None:
    if type(value) in SCALARS:
        return
    if type(value) in (list, tuple):
        for item in value:
            _check(name, parameter, item)
    elif type(value) is dict and all(type(key) is str for key in value):
        for item in value.values():
            _check(name, parameter, item)
    else:
        raise TypeError(
            f"{name}: argument {parameter!r} holds a {type(value).__name__}, which makes no cache key; "
            "pass strings, numbers, booleans, None, lists or dicts by string, "
            "or give @cached(key=...) a function of the arguments that returns the key"
        )
