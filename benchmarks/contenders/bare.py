"""No framework, no cache, no compression: the floor of any WSGI app on the same server."""

import gzip

from benchmarks.expected import report_body

BODY = gzip.compress(report_body(), 6, mtime=0)
HEADERS = [
    ("Content-Type", "application/json"),
    ("Content-Encoding", "gzip"),
    ("Content-Length", str(len(BODY))),
    ("Vary", "Accept-Encoding"),
]


def app(environ, start_response):
    start_response("200 OK", list(HEADERS))
    return [BODY]
