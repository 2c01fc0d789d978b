"""Every error as problem+json (RFC 9457).

A view raises `Problem("email-taken", "...")`; errors of the domain and of flask_scale need no catching,
`OF_ERROR` says which problem each is. A problem's `type` is stable and can be read: GET /problems/NAME.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

from flask import Flask, Response, current_app, request
from gunicorn.http.errors import ParseException
from pydantic import ValidationError
from pydantic_core import to_json
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException

import flask_scale.errors as scale_errors
from services.domain import errors

MIMETYPE = "application/problem+json"


@dataclass(frozen=True)
class Kind:
    """A sort of problem: its HTTP status, and what to tell a person."""

    status: int
    title: str
    advice: str


KINDS: Mapping[str, Kind] = {
    "malformed": Kind(400, "The request cannot be read", "Correct its syntax or encoding."),
    "cursor": Kind(400, "The cursor is not from here", "Use `next` of a page of the same search, unchanged."),
    "idempotency-key-missing": Kind(400, "An Idempotency-Key is required", "Send one that is new for each request."),
    "unauthorized": Kind(401, "A valid API key is required", "Send `Authorization: Bearer` and an active key."),
    "forbidden": Kind(403, "The API key lacks a scope", "Use a key that has the scope named in `detail`."),
    "not-found": Kind(404, "There is nothing here", "Check the address; what others own is not shown."),
    "method-not-allowed": Kind(405, "The method is not allowed", "Use one that the Allow header names."),
    "email-taken": Kind(409, "Another user has this email", "Read that user, or choose another email."),
    "job-state": Kind(409, "The job's state does not allow this", "Read the job, then decide again."),
    "in-progress": Kind(409, "The same request is being worked on", "Repeat it after the seconds in Retry-After."),
    "gone": Kind(410, "It was here and is no more", "Make a new one."),
    "precondition-failed": Kind(412, "It was changed since you read it", "Read it again, then repeat the change."),
    "too-large": Kind(413, "The request is too large", "Send less; a packed body counts unpacked."),
    "media-type": Kind(415, "The content type or encoding is not supported", "See the operation in /docs."),
    "range": Kind(416, "The range is not in the file", "Ask for bytes that are there."),
    "validation": Kind(422, "The request has invalid values", "Correct every field that `errors` lists."),
    "idempotency-key-reused": Kind(422, "The Idempotency-Key belongs to another request", "Use a new one."),
    "too-many-requests": Kind(429, "Too many requests", "Wait for the seconds in Retry-After."),
    "internal": Kind(500, "Something is wrong on our side", "Try again; tell us if it stays."),
    "unavailable": Kind(503, "The service cannot answer just now", "Repeat after the seconds in Retry-After."),
}

#: The kind for an HTTP error that the framework raises: the first of its status.
OF_STATUS = {kind.status: name for name, kind in reversed(list(KINDS.items()))}

#: The kind, and headers, of an error that is not an HTTP error. gunicorn finds broken chunks only while
#: the body is read, in the midst of a view.
OF_ERROR: Mapping[type[Exception], tuple[str, dict[str, str]]] = {
    errors.UserNotFound: ("not-found", {}),
    errors.EmailTaken: ("email-taken", {}),
    errors.VersionMismatch: ("precondition-failed", {}),
    errors.RangeTooLong: ("validation", {}),
    errors.NotGzip: ("malformed", {}),
    errors.UnpacksTooLarge: ("too-large", {}),
    errors.NotAnImport: ("validation", {}),
    errors.FileGone: ("gone", {}),
    scale_errors.JobNotFound: ("not-found", {}),
    scale_errors.JobStateError: ("job-state", {}),
    scale_errors.IdempotencyMismatch: ("idempotency-key-reused", {}),
    scale_errors.IdempotencyInProgress: ("in-progress", {"Retry-After": "1"}),
    ParseException: ("malformed", {}),
    OperationalError: ("unavailable", {"Retry-After": "2"}),
    InterfaceError: ("unavailable", {"Retry-After": "2"}),
    PoolTimeout: ("unavailable", {"Retry-After": "2"}),
}

#: What of those says something of use to a client; a database's message is for the log.
LOGGED = (OperationalError, InterfaceError, PoolTimeout)


class FieldError(TypedDict):
    """One wrong value. `field` is a path such as `email`, empty for the whole."""

    field: str
    message: str


class Problem(Exception):
    """Raise it to answer with a problem of `kind`, a name in `KINDS`.

    `detail` tells this case to a person. `headers` go with the answer.
    """

    def __init__(
        self,
        kind: str,
        detail: str | None = None,
        *,
        field_errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(kind, detail)
        self.kind = kind
        self.detail = detail
        self.field_errors = field_errors
        self.headers = headers or {}

    def as_dict(self) -> dict[str, Any]:
        """The body."""
        kind = KINDS[self.kind]
        body: dict[str, Any] = {"type": f"/problems/{self.kind}", "title": kind.title, "status": kind.status}
        if self.detail:
            body["detail"] = self.detail
        if self.field_errors:
            body["errors"] = self.field_errors
        return body

    def response(self) -> Response:
        """The answer."""
        return Response(to_json(self.as_dict()), KINDS[self.kind].status, self.headers, mimetype=MIMETYPE)


def invalid(field: str, message: str) -> Problem:
    """The problem of one wrong value."""
    return Problem("validation", field_errors=[{"field": field, "message": message}])


def init_app(app: Flask) -> None:
    """Answer every error with a problem. An error that nothing here knows is logged, and a 500."""
    app.register_error_handler(Problem, Problem.response)
    app.register_error_handler(HTTPException, _http_error)
    for error in OF_ERROR:
        app.register_error_handler(error, _known_error)


def refuse_invalid(error: ValidationError) -> Response:
    """flask-openapi3's callback for values that its models refuse: every field at once."""
    found: list[FieldError] = []
    for line in error.errors(include_url=False, include_input=False, include_context=False):
        message = line["msg"].removeprefix("Value error, ")
        found.append({"field": ".".join(map(str, line["loc"]))[:100], "message": message[:300]})
    raise Problem("validation", field_errors=found)


def _http_error(error: HTTPException) -> Response | HTTPException:
    if error.code is None or error.code < 400:
        return error
    kind = OF_STATUS.get(error.code)
    headers = [(name, value) for name, value in error.get_headers() if name != "Content-Type"]
    if kind is None:
        body = {"type": "about:blank", "title": error.name, "status": error.code}
        return Response(to_json(body), error.code, headers, mimetype=MIMETYPE)
    return Problem(kind, headers=dict(headers)).response()


def _known_error(error: Exception) -> Response:
    kind, headers = next(OF_ERROR[cls] for cls in type(error).__mro__ if cls in OF_ERROR)
    if isinstance(error, LOGGED):
        current_app.logger.error("%s %s: %s", request.method, request.path, error)
        return Problem(kind, headers=headers).response()
    return Problem(kind, str(error) or None, headers=headers).response()
