"""What of a response may be stored, and for how long (RFC 9111, 3 and 4.2)."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from flask_scale.cache.stored import Headers
from flask_scale.response_cache.policy import MOST_SECONDS, Policy

#: Final and cacheable by default (RFC 9110, 15.1); without 206, which is a part, and 405 to 501, which are mistakes.
STATUSES = frozenset({200, 203, 204, 300, 301, 308, 404, 410})

#: Directives of a response that no shared cache may store, or may not use without asking again.
FORBIDDEN = frozenset({"no-store", "private", "no-cache"})

#: In Vary: every client has a response of their own.
FORBIDDEN_VARY = frozenset({"*", "authorization", "cookie", "user-agent"})

#: For at most so long a refusal is kept where it does not say itself, in seconds: there are more wrong URLs than right.
NEGATIVE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Freshness:
    """For how many seconds a response is fresh, and after that stale but usable."""

    ttl: float
    stale: float
    #: The app says that anybody may have it, whatever credentials the request had (RFC 9111, 3.5).
    public: bool


def freshness(status: int, headers: Headers, policy: Policy, *, ttl: float, stale: float) -> Freshness | None:
    """For how long to keep it, None for not at all. `ttl` and `stale` hold where nothing else says."""
    fields = {name.lower() for name, _ in headers}
    if status not in STATUSES or fields & {"set-cookie", "content-range", "content-encoding"}:
        return None
    control = directives(value for name, value in headers if name.lower() == "cache-control")
    if not FORBIDDEN.isdisjoint(control) or not FORBIDDEN_VARY.isdisjoint(vary_of(headers)):
        return None
    found = _lifetime(control, headers, policy, min(ttl, NEGATIVE_SECONDS) if status >= 400 else ttl)
    if found <= 0:
        return None
    if {"must-revalidate", "proxy-revalidate"} & control.keys():
        stale = 0.0
    else:
        # s-maxage forbids to use it stale (RFC 9111, 5.2.2.10), unless it says for how long.
        stale = _seconds(control, "stale-while-revalidate", default=0.0 if "s-maxage" in control else stale)
    return Freshness(found, stale, policy.public or not {"public", "s-maxage"}.isdisjoint(control))


def _lifetime(control: Mapping[str, str], headers: Headers, policy: Policy, ttl: float) -> float:
    if "s-maxage" in control:
        return _seconds(control, "s-maxage", default=0.0)
    if not policy.yields:
        return ttl
    if "max-age" in control:
        return _seconds(control, "max-age", default=0.0)
    expires = next((value for name, value in headers if name.lower() == "expires"), None)
    return ttl if expires is None else _until(expires)


def directives(values: Iterable[str]) -> dict[str, str]:
    """Cache-Control as a mapping; names in lower case, a value without its quotes."""
    found: dict[str, str] = {}
    for part in ",".join(values).split(","):
        name, _, value = part.strip().partition("=")
        if name:
            found.setdefault(name.strip().lower(), value.strip().strip('"'))
    return found


def vary_of(headers: Headers) -> set[str]:
    """The names in Vary, in lower case, but for Accept-Encoding: the stored bodies answer that."""
    values = ",".join(value for name, value in headers if name.lower() == "vary")
    return {name.strip().lower() for name in values.split(",") if name.strip()} - {"accept-encoding"}


def _seconds(control: Mapping[str, str], name: str, *, default: float) -> float:
    """A directive's seconds; one that is no number counts as 0 (RFC 9111, 4.2.1)."""
    if name not in control:
        return default
    value = control[name]
    return float(min(int(value[:20]), MOST_SECONDS)) if value.isascii() and value.isdigit() else 0.0


def _until(expires: str) -> float:
    try:
        return min(parsedate_to_datetime(expires).timestamp() - time.time(), MOST_SECONDS)
    except (ValueError, OverflowError):
        return 0.0  # "0" and the like: already over (RFC 9111, 5.3)
