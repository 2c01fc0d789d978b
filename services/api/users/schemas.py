"""What goes in and out of /v1/users."""

import unicodedata
from datetime import datetime
from typing import Annotated, Self

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from services.api.schemas import MAX_ID, CountryCode, Cursor, Headers, Limit, Schema
from services.domain import emails, names


def _normalise_search(value: str) -> str:
    text = unicodedata.normalize("NFC", value.strip())
    if not text or not text.isprintable():
        raise ValueError("must be text without control characters")
    return text


Email = Annotated[
    str,
    Field(
        min_length=3,
        max_length=emails.MAX_EMAIL_BYTES,
        json_schema_extra={"example": "ada@example.org", "format": "email"},
    ),
    AfterValidator(emails.normalise),
]
Name = Annotated[
    str,
    Field(min_length=1, max_length=1000, json_schema_extra={"example": "Ada Lovelace"}),
    AfterValidator(names.normalise),
]
SearchText = Annotated[
    str,
    Field(min_length=1, max_length=names.MAX_NAME_LENGTH, description="Begins the email or the name, in any case."),
    AfterValidator(_normalise_search),
]


class UserPath(Schema):
    """Which user."""

    user_id: int = Field(ge=1, le=MAX_ID)


class UserQuery(Schema):
    """Which users: one by `email`, or a page of those that `q` and `country` find."""

    email: Email | None = Field(None, description="Exact, in any case. Stands alone.")
    q: SearchText | None = None
    country: CountryCode | None = None
    cursor: Cursor | None = None
    limit: Limit = 50

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        if self.email is not None and self.model_fields_set - {"email"}:
            raise ValueError("email stands alone: leave out q, country, cursor and limit")
        return self


class NewUser(Schema):
    """A user to add."""

    email: Email
    name: Name
    country: CountryCode


class UserChanges(Schema):
    """What to change; what is left out stays."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    email: Email = Field(default_factory=str)
    name: Name = Field(default_factory=str)
    country: CountryCode = Field(default_factory=str)

    @model_validator(mode="after")
    def _check_any(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("give at least one of email, name and country")
        return self


class UserBody(Schema):
    """A user."""

    id: int
    email: str
    name: str
    country: str
    created_at: datetime
    updated_at: datetime
    version: int = Field(description="Raised by each change; the ETag is made of it.")


class UserPage(Schema):
    """Some users in order."""

    items: list[UserBody]
    next: str | None = Field(None, description="The cursor of the next page; null at the end.")


class MatchHeaders(Headers):
    """Of a write that may be guarded."""

    if_match: str | None = Field(None, alias="If-Match", description="Only if this is still the user's ETag.")
