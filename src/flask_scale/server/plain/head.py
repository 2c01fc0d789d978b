"""The head of a plain request, read in one go; None for a head that is not plain, or not there as a whole.

Plain is what browsers and proxies send all day (RFC 9112): one CRLF after each line, an origin-form target,
no field twice, a body of a stated length or none. What is doubtful in any way is not plain.
"""

from typing import NamedTuple

from gunicorn.http.message import TOKEN_RE

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

#: Longest head that is read here, in bytes: shorter than any limit of gunicorn's on a line or a field.
LONGEST = 8000
#: Most fields, under gunicorn's own default limit.
MOST_FIELDS = 90

#: Fields that change how the message or its connection is read: gunicorn's own parser sees to these.
LEFT_OUT = frozenset({"TRANSFER-ENCODING", "EXPECT", "UPGRADE", "HTTP2-SETTINGS", "TRAILER", "TE"})

#: For how many names of fields what they are is remembered; names are the clients', and they may be many.
REMEMBERED_NAMES = 1024

#: Every byte but the controls, and these but for tab, CR and LF.
ALLOWED = bytes({*range(0x20, 0x7F), *range(0x80, 0x100), *b"\t\r\n"})

#: By the name of a field as it is sent: its key in the environ, or "" where it is not plain.
_keys: dict[str, str] = {}


class Head(NamedTuple):
    """What a plain head says. `fields` are in the form of a WSGI environ; `length` is the body's, in bytes."""

    method: str
    target: str
    path: str
    query: str
    fields: dict[str, str]
    length: int
    keep_alive: bool
    #: Bytes that the head takes, its empty line with it.
    size: int


def read_head(data: bytes) -> Head | None:
    """Read the head that `data` begins with."""
    end = data.find(b"\r\n\r\n", 0, LONGEST)
    if end < 0:
        return None
    raw = data[:end]
    if raw.translate(None, ALLOWED):
        return None
    request, *lines = raw.decode("latin-1").split("\r\n")
    ends = len(lines)
    if ends > MOST_FIELDS or raw.count(b"\n") != ends or raw.count(b"\r") != ends:
        return None
    line = _request_line(request)
    if line is None:
        return None
    fields: dict[str, str] = {}
    for field in lines:
        name, colon, value = field.partition(":")
        key = _keys.get(name) or _key(name)
        if not key or not colon:
            return None
        fields[key] = value.strip(" \t")
    if len(fields) != ends or not fields.get("HTTP_HOST"):
        return None
    connection = fields.get("HTTP_CONNECTION", "keep-alive").lower()
    length = fields.get("CONTENT_LENGTH", "0")
    if connection not in ("keep-alive", "close") or not (length.isascii() and length.isdigit() and len(length) < 19):
        return None
    return Head(*line, fields, int(length), connection == "keep-alive", end + 4)


def _request_line(line: str) -> tuple[str, str, str, str] | None:
    """Method, target, path and query (RFC 9112, 3)."""
    method, _, rest = line.partition(" ")
    target, _, version = rest.partition(" ")
    if version != "HTTP/1.1" or method not in METHODS or not target.isascii():
        return None
    if not target.startswith("/") or target.startswith("//") or "#" in target or "\t" in target:
        return None
    path, _, query = target.partition("?")
    return method, target, path, query


def _key(name: str) -> str:
    if not name.isascii() or not TOKEN_RE.fullmatch(name) or "_" in name or name.upper() in LEFT_OUT:
        return ""
    upper = name.upper()
    key = upper.replace("-", "_")
    if upper not in ("CONTENT-TYPE", "CONTENT-LENGTH"):
        key = f"HTTP_{key}"
    if len(_keys) < REMEMBERED_NAMES:
        _keys[name] = key
    return key
