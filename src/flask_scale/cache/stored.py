"""A complete response as one value of the cache: status, headers, a body for each encoding, and what it is for.

In a process it is parsed once. On the wire it is a line of JSON and the bodies behind it.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

#: Begins every value of this kind; JSON, which the data cache keeps, never does.
MAGIC = b"\x00R1"

#: "vary": look under a key made with the request's headers `vary`. "pass": ask the app, nothing is kept here.
Kind = Literal["response", "vary", "pass"]

Headers = list[tuple[str, str]]

IDENTITY = "identity"


@dataclass(frozen=True, slots=True)
class Head:
    """What stands before the bodies."""

    kind: Kind
    status: str = ""
    #: Without those that depend on the encoding.
    headers: Headers = field(default_factory=list)
    #: The opaque part of a strong or weak entity tag, with its quotes and W/.
    etag: str = ""
    #: When it was made, in seconds since 1970, and for how long from then it is fresh.
    made_at: float = 0.0
    ttl: float = 0.0
    #: Whether the app said itself that anybody may have it.
    public: bool = False
    #: The URL rule that made it, for the metrics.
    rule: str = ""
    vary: tuple[str, ...] = ()
    #: Where in the bodies each encoding lies: (begin, end).
    bodies: Mapping[str, tuple[int, int]] = field(default_factory=dict)


class Stored(bytes):
    """The value itself, as it is sent to the cache server; `head` is what it says."""

    head: Head
    _begin: int
    #: By encoding: the headers as they are sent.
    _headers: dict[str, Headers]

    @classmethod
    def make(cls, head: Head, bodies: Mapping[str, bytes]) -> "Stored":
        """Put a response together; `bodies` by encoding, `identity` among them."""
        places, end = {}, 0
        for encoding, body in bodies.items():
            places[encoding] = (end, end + len(body))
            end += len(body)
        line = json.dumps({**asdict(head), "bodies": places}, separators=(",", ":")).encode()
        return cls.read(b"".join((MAGIC, line, b"\n", *bodies.values())))

    @classmethod
    def read(cls, value: bytes) -> "Stored":
        """Parse a value that `is_stored`."""
        stored = cls(value)
        end = value.index(b"\n")
        known: dict[str, Any] = json.loads(value[len(MAGIC) : end])
        known["headers"] = [tuple(header) for header in known["headers"]]
        known["vary"] = tuple(known["vary"])
        stored.head = Head(**known)
        stored._begin = end + 1
        stored._headers = {}
        return stored

    @property
    def overhead(self) -> int:
        """Bytes that the parsed head takes beside the value, roughly."""
        return 2000 + 1000 * len(self.head.bodies)

    @property
    def encodings(self) -> tuple[str, ...]:
        """Those that it has a body for."""
        return tuple(self.head.bodies)

    @property
    def age(self) -> float:
        """Seconds since it was made; clocks of other machines may differ, so never under 0."""
        return max(0.0, time.time() - self.head.made_at)

    def body(self, encoding: str) -> bytes:
        """The body as that encoding has it."""
        begin, end = self.head.bodies[encoding]
        return self[self._begin + begin : self._begin + end]

    def view(self, encoding: str) -> memoryview:
        """It without a copy."""
        begin, end = self.head.bodies[encoding]
        return memoryview(self)[self._begin + begin : self._begin + end]

    def headers(self, encoding: str) -> Headers:
        """All headers of that encoding: a new list, which the caller may add to."""
        found = self._headers.get(encoding)
        if found is None:
            found = self._headers[encoding] = self._headers_of(encoding)
        return found.copy()

    def _headers_of(self, encoding: str) -> Headers:
        begin, end = self.head.bodies[encoding]
        made = list(self.head.headers)
        if not self.head.status.startswith("204"):  # RFC 9110, 8.6
            made.append(("Content-Length", str(end - begin)))
        if self.head.etag:
            made.append(("ETag", etag_of(self.head.etag, encoding)))
        if encoding != IDENTITY:
            made.append(("Content-Encoding", encoding))
        return made


def etag_of(etag: str, encoding: str) -> str:
    """The entity tag of one encoding: other bytes, so another strong one (RFC 9110, 8.8.3.3)."""
    return etag if encoding == IDENTITY else f'{etag[:-1]}:{encoding}"'


def revive(value: bytes) -> bytes:
    """Parse a value that comes from the cache server, where it is of this kind and another version did not make it."""
    try:
        return Stored.read(value) if value.startswith(MAGIC) else value
    except (ValueError, TypeError, KeyError):
        return value


def marker(kind: Kind, vary: tuple[str, ...] = ()) -> Stored:
    """A value that stands for no response."""
    return Stored.make(Head(kind, vary=vary), {})
