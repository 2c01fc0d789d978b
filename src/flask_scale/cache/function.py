"""`cached`: a function whose JSON result is kept, one load a set of arguments over all processes."""

import functools
import inspect
from collections.abc import Callable, Collection
from types import MethodType
from typing import Any, Generic, ParamSpec, TypeVar, cast

from flask_scale.cache.data import DataCache
from flask_scale.cache.flight import Result
from flask_scale.cache.keys import call_key, safe_key

P = ParamSpec("P")
R = TypeVar("R")


class CachedFunction(Generic[P, R]):
    """Call it as the function it wraps; `uncached` is that function itself, for tests and for writers."""

    __wrapped__: Callable[P, R]

    def __init__(
        self,
        function: Callable[P, R],
        cache_of: Callable[[], DataCache],
        *,
        ttl: float | None,
        stale: float | None,
        tags: Collection[str],
        key: Callable[..., str] | None,
    ) -> None:
        if isinstance(tags, str):
            raise TypeError(f"tags={tags!r} is a string; give a list: tags=[{tags!r}]")
        functools.update_wrapper(self, function)
        self.uncached = function
        self._signature = inspect.signature(function)
        self._cache_of = cache_of
        self._options: dict[str, Any] = {"ttl": ttl, "stale": stale, "tags": tuple(tags)}
        self._key = key

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.lookup(*args, **kwargs)[0]

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        """As a method; the instance is an argument like any other, so give `key`."""
        return self if instance is None else MethodType(self, instance)

    def lookup(self, *args: P.args, **kwargs: P.kwargs) -> tuple[R, Result]:
        """Return the value, and "hit", "stale" or "miss"; a view can show it in a header."""
        value, result = self._cache_of().lookup(
            self.key(*args, **kwargs), lambda: self.uncached(*args, **kwargs), **self._options
        )
        return cast(R, value), result

    def key(self, *args: P.args, **kwargs: P.kwargs) -> str:
        """Return the cache key of these arguments.

        Raises:
            TypeError: an argument makes no key; the message says what to do.
        """
        if self._key is not None:
            return safe_key(self._key(*args, **kwargs))
        return call_key(self.uncached, self._signature, args, kwargs)

    def invalidate(self, *args: P.args, **kwargs: P.kwargs) -> None:
        """Drop what is kept for these arguments, in every process."""
        self._cache_of().delete(self.key(*args, **kwargs))


def cached(
    cache_of: Callable[[], DataCache],
    *,
    ttl: float | None = None,
    stale: float | None = None,
    tags: Collection[str] = (),
    key: Callable[..., str] | None = None,
) -> Callable[[Callable[P, R]], CachedFunction[P, R]]:
    """Make a function read through the cache that `cache_of` gives at each call.

    `ttl` and `stale` are in seconds (None: the settings'). The key is made of the function's name and
    its arguments, so f(1) and f(a=1) share one; `key` makes it of the same arguments instead, and is
    then the whole key. The result must be JSON and is given as JSON carries it: a tuple becomes a list.
    """

    def decorate(function: Callable[P, R]) -> CachedFunction[P, R]:
        return CachedFunction(function, cache_of, ttl=ttl, stale=stale, tags=tags, key=key)

    return decorate
