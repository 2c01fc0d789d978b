"""One body, stored in every encoding that clients ask for, and the choice among them (RFC 9110, 12.5.3)."""

import gzip
import sys
from collections.abc import Callable, Mapping
from functools import lru_cache

import brotli  # type: ignore[import-untyped]

from flask_scale.cache.stored import IDENTITY
from flask_scale.compression import MIN_SIZE

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

#: What is compressed once is sent often: a little more effort than for a response that is sent once.
#: In the order in which the server likes them best.
ENCODERS: Mapping[str, Callable[[bytes], bytes]] = {
    "zstd": lambda body: zstd.compress(body, 6),
    "br": lambda body: brotli.compress(body, quality=5),
    "gzip": lambda body: gzip.compress(body, 6, mtime=0),
}

#: Choices for headers up to this length are remembered.
REMEMBERED_CHARACTERS = 200

#: Content types beside text/* that compress.
COMPRESSIBLE = frozenset(
    {"application/json", "application/javascript", "application/xml", "application/wasm", "image/svg+xml"}
)
COMPRESSIBLE_SUFFIXES = ("+json", "+xml")


def encode(body: bytes, content_type: str) -> dict[str, bytes]:
    """The body by encoding: `identity` and, where they make it smaller, the others."""
    bodies = {IDENTITY: body}
    if len(body) >= MIN_SIZE and _is_compressible(content_type):
        encoded = {name: encoder(body) for name, encoder in ENCODERS.items()}
        bodies |= {name: found for name, found in encoded.items() if len(found) < len(body)}
    return bodies


def choose(accept_encoding: str | None, available: tuple[str, ...]) -> str:
    """The encoding that the client likes best of those that there are; among equals the server's choice.

    Without the header it is `identity`, and also where nothing suits: RFC 9110 lets a server send it then.
    """
    if accept_encoding is not None and len(accept_encoding) > REMEMBERED_CHARACTERS:
        return _choose.__wrapped__(accept_encoding, available)
    return _choose(accept_encoding, available)


@lru_cache(maxsize=1024)
def _choose(accept_encoding: str | None, available: tuple[str, ...]) -> str:
    if not accept_encoding:
        return IDENTITY
    weights = _weights(accept_encoding)
    others = weights.get("*", 0.0)
    best, best_weight = IDENTITY, weights.get(IDENTITY, 0.0)
    for name in ENCODERS:
        weight = weights.get(name, others)
        if name in available and weight > 0 and (weight > best_weight or (best == IDENTITY and weight == best_weight)):
            best, best_weight = name, weight
    return best


def _weights(header: str) -> dict[str, float]:
    found = {}
    for part in header.lower().split(","):
        name, _, parameter = part.partition(";")
        key, _, value = parameter.partition("=")
        try:
            found[name.strip()] = float(value) if key.strip() == "q" else 1.0
        except ValueError:
            found[name.strip()] = 0.0
    return found


def _is_compressible(content_type: str) -> bool:
    mime = content_type.partition(";")[0].strip().lower()
    return mime.startswith("text/") or mime in COMPRESSIBLE or mime.endswith(COMPRESSIBLE_SUFFIXES)
