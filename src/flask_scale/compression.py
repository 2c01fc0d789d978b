"""Compressed responses through Flask-Compress: zstd, br or gzip, what the client likes best.

A part that an app already has stays the app's. Streams made by generators pass as they are:
a compressor would hold their chunks back. Partial answers (206) and `Cache-Control: no-transform`
are left alone.
"""

from flask import Flask, Response, current_app
from flask_compress import Compress

from flask_scale.state import State

#: gzip at level 1 costs a third of level 6 and makes JSON about a tenth larger.
GZIP_LEVEL = 1

#: Bytes under which the headers cost more than compression saves.
MIN_SIZE = 500


class Compression(Compress):
    """Flask-Compress, kept off what compression would break."""

    def after_request(self, response: Response | None) -> Response:
        if response is not None and _must_stay(response):
            return response
        if response is not None and self._is_small(response):
            response.headers["Vary"] = "Accept-Encoding"
            return response
        return super().after_request(response)

    def _is_small(self, response: Response) -> bool:
        """Whether nothing but Vary would become of it: Flask-Compress looks at all else first, for most API answers."""
        length = response.content_length
        least = (self.app or current_app).config["COMPRESS_MIN_SIZE"]
        return length is not None and length < least and "Vary" not in response.headers


def init_app(app: Flask, state: State) -> None:
    """Compress every response of an app that has no Flask-Compress of its own."""
    if _has_own(app):
        state.parts["compression"] = "off: the app has its own Flask-Compress"
        return
    app.config.setdefault("COMPRESS_LEVEL", GZIP_LEVEL)
    app.config.setdefault("COMPRESS_MIN_SIZE", MIN_SIZE)
    register = app.config.setdefault("COMPRESS_REGISTER", True)
    app.config["COMPRESS_REGISTER"] = False
    compress = Compression(app)
    app.config["COMPRESS_REGISTER"] = register
    # The first in the list is the last that Flask calls: the app's own hooks see plain bodies.
    app.after_request_funcs.setdefault(None, []).insert(0, compress.after_request)
    state.parts["compression"] = "on"


def _must_stay(response: Response) -> bool:
    return (
        (response.is_streamed and not response.direct_passthrough)
        or response.status_code == 206
        or ("Cache-Control" in response.headers and bool(response.cache_control.no_transform))
    )


def _has_own(app: Flask) -> bool:
    hooks = app.after_request_funcs.get(None, [])
    return any(isinstance(getattr(hook, "__self__", None), Compress) for hook in hooks)
