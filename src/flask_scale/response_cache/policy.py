"""Which responses are cached, and for how long: by decorator, or by rules of URL paths in a setting."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

#: The longest lifetime, in seconds (RFC 9111, 1.2.2).
MOST_SECONDS = 2**31


@dataclass(frozen=True, slots=True)
class Policy:
    """What holds for the responses of a view or of a path. Times are in seconds; None: the settings'."""

    ttl: float | None = None
    stale: float | None = None
    #: May name parts of the URL: "user:{user_id}".
    tags: Sequence[str] = ()
    #: Of a view: what the response depends on beside the URL.
    key: Callable[[], str] | None = None
    #: Whoever wrote it says that anybody may have the response, with whatever credentials they come.
    public: bool = False
    #: Whether the response's own max-age and Expires come before `ttl`; its s-maxage does always.
    yields: bool = False


class Public(NamedTuple):
    """On a view's wrapper: its policy, and the wrapper itself; one around it has a copy that names another."""

    policy: Policy
    view: Any


@dataclass(frozen=True, slots=True)
class Rule:
    """A policy for the paths that match."""

    pattern: re.Pattern[str]
    policy: Policy


def parse_rules(text: str) -> list[Rule]:
    """Read "PATH [ttl=SECONDS] [stale=SECONDS] [tags=NAME,NAME]; PATH ..."; `*` in a path stands for anything.

    Raises:
        ValueError: it says which rule, and what is wrong with it.
    """
    return [_rule(part) for part in map(str.strip, re.split(r"[;\n]", text)) if part]


def _rule(text: str) -> Rule:
    path, *words = text.split()
    if not path.startswith("/"):
        raise ValueError(f"{text!r}: a rule begins with a path: /reports/* ttl=60")
    given = dict(word.partition("=")[::2] for word in words)
    if unknown := given.keys() - {"ttl", "stale", "tags"}:
        raise ValueError(f"{text!r}: {min(unknown)!r} is not one of ttl=, stale=, tags=")
    tags = [tag for tag in given.get("tags", "").split(",") if tag]
    if any("{" in tag or "}" in tag for tag in tags):
        raise ValueError(f"{text!r}: a rule's tags cannot name parts of the URL; a view's can")
    ttl, stale = (_seconds(text, name, given) for name in ("ttl", "stale"))
    pattern = ".*".join(map(re.escape, path.split("*")))
    return Rule(re.compile(f"{pattern}\\Z", re.DOTALL), Policy(ttl=ttl, stale=stale, tags=tags, yields=True))


def _seconds(text: str, name: str, given: Mapping[str, str]) -> float | None:
    if name not in given:
        return None
    try:
        seconds = float(given[name])
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < MOST_SECONDS:
        raise ValueError(f"{text!r}: {name}= is a number of seconds, 0 or more")
    return seconds


def find(rules: Sequence[Rule], path: str) -> Policy | None:
    """The policy of the first rule that matches; a TTL of 0 there says that nothing is kept."""
    return next((rule.policy for rule in rules if rule.pattern.match(path)), None)
