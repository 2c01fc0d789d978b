"""Reading what a client sent: a body or a query that cannot be understood is a problem, never a surprise."""

import sys
from typing import Any
from urllib.parse import unquote_to_bytes

import flask
from flask import Flask, request
from pydantic_core import from_json

from services.api.problems import FieldError, Problem
from services.domain.settings import directory_settings
from services.domain.unpacking import unpack


class Request(flask.Request):
    """A request whose JSON is strict and whose body may be gzip, within `max_body_bytes` and `max_unpack_ratio`."""

    def get_json(self, force: bool = False, silent: bool = False, cache: bool = True) -> Any:
        """The body's JSON object. Never silent: whoever asks gets an object or a problem is answered.

        Raises:
            Problem: media-type, malformed, too-large, or validation where it is no object.
        """
        if not self.is_json:
            raise Problem("media-type", "send application/json")
        try:
            value = from_json(self.unpacked_data(), allow_inf_nan=False)
        except ValueError as error:
            raise Problem("malformed", f"the body is not JSON: {error}") from error
        if not isinstance(value, dict):
            raise Problem("validation", field_errors=[{"field": "", "message": "the body must be a JSON object"}])
        return value

    def unpacked_data(self) -> bytes:
        """The whole body, unpacked as Content-Encoding says.

        Raises:
            Problem: media-type for another encoding than gzip.
            NotGzip, UnpacksTooLarge
        """
        encoding = self.headers.get("Content-Encoding", "identity").strip().lower()
        if encoding == "identity":
            return self._whole_data()
        if encoding != "gzip":
            raise Problem("media-type", "the only Content-Encoding is gzip", headers={"Accept-Encoding": "gzip"})
        settings = directory_settings()
        limits = {"max_bytes": settings.max_body_bytes, "max_ratio": settings.max_unpack_ratio}
        return b"".join(unpack([self._whole_data()], **limits))

    def _whole_data(self) -> bytes:
        """Werkzeug ends a chunked body at the limit without a word, so one that reaches it is refused here."""
        data = self.get_data()
        if self.content_length is None and len(data) >= (self.max_content_length or sys.maxsize):
            raise Problem("too-large")
        return data


def init_app(app: Flask) -> None:
    """Read every request so, and bound its body; an import raises `request.max_content_length` for itself."""
    app.request_class = Request
    app.config["MAX_CONTENT_LENGTH"] = app.extensions["user_directory"].max_body_bytes
    app.before_request(_check_query)


def _check_query() -> None:
    try:
        unquote_to_bytes(request.query_string).decode()
    except UnicodeDecodeError as error:
        raise Problem("malformed", "the query is not UTF-8") from error
    found: list[FieldError] = []
    for name, values in request.args.lists():
        if len(values) > 1:
            found.append({"field": name[:100], "message": "is given more than once"})
        elif "\0" in name + values[0]:
            found.append({"field": name[:100], "message": "has a NUL character"})
    if found:
        raise Problem("validation", field_errors=found)
