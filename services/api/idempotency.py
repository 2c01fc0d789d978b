"""Idempotency-Key on POST: a repeated request is done once, and answered as the first time.

A view with `@idempotent()` (or work given to `run_once`) changes the database through `scale.session` and
does NOT commit: what it did, its jobs and the remembered answer are committed together, here. A problem that
it raises rolls all back and is not remembered. Another payload with the same key is 422, a first
request that has not finished is 409, and a replay carries `Idempotency-Replayed: true`.
"""

import hashlib
import re
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec

from flask import Response, current_app, request

from flask_scale.jobs.idempotency import IdempotencyKeys, StoredResponse
from services.api.access import owner
from services.api.problems import Problem, invalid
from services.domain.scale import scale

P = ParamSpec("P")

HEADER = "Idempotency-Key"
#: Visible ASCII without the comma: WSGI joins a header that was given twice with one.
SHAPE = re.compile(r"[\x21-\x2b\x2d-\x7e]{1,255}\Z")

#: What is replayed of the first answer's headers.
KEPT_HEADERS = ("Content-Type", "ETag", "Location")


def idempotent(*, required: bool = False) -> Callable[[Callable[P, Any]], Callable[P, Response]]:
    """Make a POST view safe to repeat. It reads the whole body; for a streamed one see `run_once`.

    Put it below `@blueprint.post(...)` and `@needs(...)`. With `required` a request without a key is 400.
    """

    def wrap(view: Callable[P, Any]) -> Callable[P, Response]:
        @wraps(view)
        def run(*args: P.args, **kwargs: P.kwargs) -> Response:
            key = read_key(required=required)
            content = hashlib.sha256(request.get_data()).hexdigest()
            return run_once(lambda: view(*args, **kwargs), key=key, content=content)

        return run

    return wrap


def read_key(*, required: bool) -> str | None:
    """The request's key: 1 to 255 visible ASCII characters.

    Raises:
        Problem: idempotency-key-missing, or validation where it is of another form.
    """
    key = request.headers.get(HEADER)
    if key is None:
        if required:
            raise Problem("idempotency-key-missing")
        return None
    if SHAPE.match(key) is None:
        raise invalid(HEADER, "must be 1 to 255 visible ASCII characters without a comma, and given once")
    return key


def run_once(work: Callable[[], Any], *, key: str | None, content: str) -> Response:
    """Do `work` and commit it, unless the request with `key` was done before: then give that one's answer.

    `work` returns what a view returns. `content` stands for the request's payload, such as the SHA-256
    of the body that a view has read to a file; method, path and query are added to it.
    """
    if key is None:
        response = current_app.make_response(work())
        scale.session.commit()
        return response
    keys = IdempotencyKeys(scale.session)
    fingerprint = _fingerprint(content)
    stored = keys.begin(owner(), key)
    if stored is not None:
        keys.check(stored, fingerprint)
        return _replay(stored)
    response = current_app.make_response(work())
    headers = {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}
    keys.finish(owner(), key, fingerprint, response.status_code, response.get_data(as_text=True), headers)
    scale.session.commit()
    return response


def _replay(stored: StoredResponse) -> Response:
    return Response(stored.body, stored.status, {**stored.headers, "Idempotency-Replayed": "true"})


def _fingerprint(content: str) -> str:
    parts = (request.method, request.path, request.query_string.decode("latin-1"), content)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
