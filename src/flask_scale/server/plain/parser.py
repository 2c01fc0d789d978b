"""The requests of one connection: plain ones are read here, each other one by gunicorn's own parser."""

import os
from collections.abc import Callable
from typing import Any

from gunicorn.http.message import HeaderPolicy
from gunicorn.http.parser import RequestParser

from flask_scale.server.plain.head import LONGEST, MOST_FIELDS, Head, read_head
from flask_scale.server.plain.request import PlainRequest

#: (the connection, its parser, the head, the scheme): whether the request has been answered.
AtOnce = Callable[[Any, "PlainParser", Head, str], bool]


class PlainParser(RequestParser):  # type: ignore[misc]
    """gunicorn's parser, which is asked only for what is not plain. Both read from the same buffer."""

    cfg: Any
    mesg: Any
    unreader: Any

    def __init__(self, cfg: Any, source: Any, source_addr: Any, at_once: AtOnce | None = None) -> None:
        super().__init__(cfg, source, source_addr)
        self._source = source
        self._at_once = at_once
        self._schemes = _schemes(cfg, source_addr)
        self._connection: dict[str, Any] = {}

    def __next__(self) -> Any:
        """The connection's next request that was not answered at once.

        Raises:
            StopIteration: there is none, or the connection has to end.
        """
        if self.mesg is not None and (self.mesg.should_close() or not self._is_read()):
            raise StopIteration
        while True:
            data = self.unreader.read()
            if not data:
                raise StopIteration
            head = read_head(data)
            scheme = self._scheme(head) if head is not None else ""
            if head is None or not scheme:
                self.unreader.unread(data)
                self.mesg = None
                return super().__next__()
            self.req_count += 1
            if len(data) > head.size:
                self.unreader.unread(data[head.size :])
            if head.length or self._at_once is None or not self._at_once(self._source, self, head, scheme):
                break
            if not head.keep_alive:
                raise StopIteration
        self.mesg = PlainRequest(head, scheme, self.unreader, self.source_addr, self.req_count, self._connection)
        return self.mesg

    next = __next__

    def _is_read(self) -> bool:
        """Whether the body of the last request is, or could be, read to its end."""
        if isinstance(self.mesg, PlainRequest) and not self.mesg.head.length:
            return True
        return bool(self.finish_body())

    def _scheme(self, head: Head) -> str:
        """The scheme by what a trusted proxy says; "" where it says it twice, which gunicorn sees to."""
        told = [
            "https" if head.fields[key] == secure else "http"
            for key, secure in self._schemes.items()
            if key in head.fields
        ]
        if len(told) > 1:
            return ""
        return told[0] if told else "http"


def is_for(cfg: Any) -> bool:
    """Whether gunicorn's settings leave plain requests as they are read here."""
    return not (
        cfg.is_ssl
        or cfg.proxy_protocol != "off"
        or cfg.http2_cleartext != "off"
        or getattr(cfg, "protocol", "http") != "http"
        or cfg.casefold_http_method
        or "SCRIPT_NAME" in os.environ
        or 0 < cfg.limit_request_line < LONGEST
        or 0 < cfg.limit_request_field_size < LONGEST
        or 0 < cfg.limit_request_fields < MOST_FIELDS
    )


def _schemes(cfg: Any, source_addr: Any) -> dict[str, str]:
    """Key in the environ to the value that says https, of the fields that this peer may set."""
    policy = HeaderPolicy()
    policy.cfg, policy.peer_addr = cfg, source_addr
    secure, _ = policy._peer_trusted_for_forwarded()
    return {f"HTTP_{name.replace('-', '_')}": value for name, value in secure.items()}
