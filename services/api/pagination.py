"""Keyset pages: an opaque cursor says where the page before ended, and of which search.

A cursor is base64url of JSON [version, key, checksum]. The checksum covers the key and the filters, so a
cursor that is garbage, altered, or from another search is refused. It keeps no secret and grants nothing:
whoever computes one by hand only chooses where a page begins.
"""

import base64
import hashlib
import json
from collections.abc import Sequence
from urllib.parse import urlencode

from flask import Response, request
from pydantic_core import from_json

from services.api.problems import Problem

VERSION = 1

#: In characters; the longest email and name in it, encoded, fit.
MAX_CURSOR_LENGTH = 4096


def make_cursor(key: Sequence[str], **filters: str | None) -> str:
    """The cursor after `key`, for a search with `filters`."""
    content = json.dumps([VERSION, list(key), _checksum(key, filters)], ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(content.encode()).decode().rstrip("=")


def read_cursor(cursor: str, **filters: str | None) -> tuple[str, ...]:
    """The key in a cursor of the same search.

    Raises:
        Problem: cursor, where it is not from `make_cursor` with the same filters.
    """
    try:
        content = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        version, key, checksum = from_json(content)
        genuine = version == VERSION and checksum == _checksum(key, filters)
    except (ValueError, TypeError) as error:
        raise Problem("cursor") from error
    if not genuine or not all(isinstance(part, str) and "\0" not in part for part in key):
        raise Problem("cursor")
    return tuple(key)


def link_next(response: Response, cursor: str | None) -> Response:
    """Add the Link header (RFC 8288) to the next page, where there is one."""
    if cursor is not None:
        query = urlencode({**request.args.to_dict(), "cursor": cursor})
        response.headers["Link"] = f'<{request.path}?{query}>; rel="next"'
    return response


def _checksum(key: Sequence[str], filters: dict[str, str | None]) -> str:
    content = json.dumps([VERSION, list(key), sorted(filters.items())])
    return hashlib.sha256(content.encode()).hexdigest()[:16]
