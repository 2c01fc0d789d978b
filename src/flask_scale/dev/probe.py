"""Asking a local HTTP server whether it answers."""

import http.client
from urllib.parse import urlsplit


def status_of(url: str, timeout: float = 0.5) -> int | None:
    """The status of a GET, without redirects or proxies; None where no answer comes within `timeout` seconds."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "127.0.0.1", parts.port, timeout=timeout)
    try:
        connection.request("GET", parts.path or "/")
        answer = connection.getresponse()
        answer.read()
        return answer.status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
