"""/v1/users"""

from collections.abc import Mapping

from flask import Response, url_for

from services.api.access import needs
from services.api.conditional import expected_versions, version_tag, with_tag
from services.api.idempotency import idempotent
from services.api.pagination import link_next, make_cursor, read_cursor
from services.api.problems import Problem
from services.api.resources import resource
from services.api.schemas import IdempotencyHeaders, NoneMatchHeaders, problems
from services.api.users.schemas import (
    MatchHeaders,
    NewUser,
    UserBody,
    UserChanges,
    UserPage,
    UserPath,
    UserQuery,
)
from services.domain import users
from services.domain.models import User
from services.domain.scale import scale
from services.domain.users import Position

blueprint = resource("users", "The people in the directory.")


@blueprint.get("", responses={200: UserPage})
@needs("users:read")
def find_users(query: UserQuery) -> Response:
    """Look one up by email, or search by prefix

    With `email`: that user, or none. Else a page: users whose email begins with `q`, by email, then those
    whose name does, by name.
    """
    if query.email is not None:
        found = users.find_by_email(scale.session, query.email)
        return UserPage(items=[UserBody.model_validate(found)] if found else [], next=None).response()
    filters = {"q": query.q, "country": query.country}
    after = _position(read_cursor(query.cursor, **filters)) if query.cursor else None
    page = users.search(scale.session, prefix=query.q or "", country=query.country, after=after, limit=query.limit)
    cursor = make_cursor((page.next.section, *page.next.key), **filters) if page.next else None
    body = UserPage(items=[UserBody.model_validate(user) for user in page.users], next=cursor)
    return link_next(body.response(), cursor)


@blueprint.post("", responses={201: UserBody, **problems(409, 413, 415)})
@needs("users:write")
@idempotent()
def create_user(body: NewUser, header: IdempotencyHeaders) -> Response:
    """Add a user"""
    user = users.create(scale.session, body.model_dump())
    location = url_for("users.read_user", user_id=user.id)
    return _answer(user, 201, {"Location": location})


@blueprint.get("/<user_id>", responses={200: UserBody, 304: None, **problems(404)})
@needs("users:read")
def read_user(path: UserPath, header: NoneMatchHeaders) -> Response:
    """Read a user"""
    return _answer(users.get(scale.session, path.user_id))


@blueprint.patch("/<user_id>", responses={200: UserBody, **problems(404, 409, 412, 413, 415)})
@needs("users:write")
def change_user(path: UserPath, body: UserChanges, header: MatchHeaders) -> Response:
    """Change a user"""
    changes = body.model_dump(exclude_unset=True)
    user = users.update(scale.session, path.user_id, changes, expected_versions())
    scale.session.commit()
    return _answer(user)


@blueprint.delete("/<user_id>", responses={204: None, **problems(404, 412)})
@needs("users:write")
def remove_user(path: UserPath, header: MatchHeaders) -> Response:
    """Delete a user"""
    users.remove(scale.session, path.user_id, expected_versions())
    scale.session.commit()
    return Response(status=204)


def _answer(user: User, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    body = UserBody.model_validate(user)
    return with_tag(body.response(status, headers), version_tag(user.version))


def _position(key: tuple[str, ...]) -> Position:
    match key:
        case ("email", email):
            return Position("email", (email,))
        case ("name", name, email):
            return Position("name", (name, email))
    raise Problem("cursor")
