"""What the resources' schemas share.

An example is one value in `json_schema_extra={"example": ...}`: flask-openapi3 knows no list of them.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any

from flask import Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import to_json

from services.api.pagination import MAX_CURSOR_LENGTH
from services.api.problems import KINDS, MIMETYPE
from services.domain import countries

#: Largest id that PostgreSQL's bigint holds.
MAX_ID = 2**63 - 1

CountryCode = Annotated[
    str,
    Field(
        min_length=2,
        max_length=2,
        description="ISO 3166-1 alpha-2, in either case.",
        json_schema_extra={"example": "DE", "enum": sorted(countries.CODES)},
    ),
    AfterValidator(countries.normalise),
]
Cursor = Annotated[str, Field(max_length=MAX_CURSOR_LENGTH, description="`next` of the page before.")]
Limit = Annotated[int, Field(ge=1, le=200, description="Most items of a page.")]


_json_schemas: dict[Any, dict[str, Any]] = {}


class Schema(BaseModel):
    """The root of what goes in and out. A field that is not known is refused."""

    model_config = ConfigDict(extra="forbid", from_attributes=True)

    @classmethod
    def model_json_schema(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Computed once: flask-openapi3 asks for it at each request with a query or headers."""
        asked = (cls, args, tuple(sorted(kwargs.items())))
        if asked not in _json_schemas:
            _json_schemas[asked] = super().model_json_schema(*args, **kwargs)
        return _json_schemas[asked]

    def response(self, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
        """The JSON answer with this as its body."""
        return Response(to_json(self, by_alias=True), status, headers, mimetype="application/json")


class FieldProblem(Schema):
    """One wrong value."""

    field: str = Field(description="Where it is, such as `email`; empty for the whole.")
    message: str


class ProblemBody(Schema):
    """RFC 9457."""

    type: str = Field(description="Stable; GET it to read more.", json_schema_extra={"example": "/problems/validation"})
    title: str
    status: int
    detail: str | None = Field(None, description="What this case is about.")
    errors: list[FieldProblem] | None = Field(None, description="Every wrong value at once.")


class Headers(Schema):
    """The root of an operation's own headers; a request has others besides."""

    model_config = ConfigDict(extra="ignore")


class IdempotencyHeaders(Headers):
    """Of a POST that may carry a key."""

    key: str | None = Field(
        None,
        alias="Idempotency-Key",
        description="Makes the request safe to repeat: 1 to 255 visible ASCII characters but the comma, new for each.",
    )


class RequiredIdempotencyHeaders(IdempotencyHeaders):
    """Of a POST that must carry a key; `idempotency.read_key` refuses one that does not."""

    model_config = ConfigDict(json_schema_extra={"required": ["Idempotency-Key"]})


class NoneMatchHeaders(Headers):
    """Of a read that may be answered 304."""

    if_none_match: str | None = Field(None, alias="If-None-Match", description="The ETag that you have.")


def problems(*statuses: int) -> dict[str | int | HTTPStatus, Any]:
    """The `responses` of an operation for these error statuses."""
    content = {MIMETYPE: {"schema": {"$ref": "#/components/schemas/ProblemBody"}}}
    titles = {kind.status: kind.title for kind in reversed(list(KINDS.values()))}
    return {status: {"description": titles[status], "content": content} for status in statuses}
