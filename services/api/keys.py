"""`flask --app "services.api.app:create_app()" keys create | list | revoke`"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import click
from flask.cli import AppGroup
from sqlalchemy.exc import SQLAlchemyError

from flask_scale.errors import FlaskScaleError
from services.domain import api_keys
from services.domain.api_keys import SCOPES, Scope
from services.domain.errors import DirectoryError
from services.domain.models import ApiKey
from services.domain.scale import scale


class Keys(AppGroup):
    """Commands that end with one line where they cannot work."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (FlaskScaleError, DirectoryError, SQLAlchemyError) as error:
            raise click.ClickException(str(error).partition("\n")[0]) from error


group = Keys("keys", help="Make, list and revoke API keys.")


@group.command()
@click.argument("name")
@click.option("--scope", "scopes", type=click.Choice(SCOPES), multiple=True, required=True, help="May be repeated.")
@click.option("--days", type=click.IntRange(1, 3650), help="Days until it expires; never, if left out.")
def create(name: str, scopes: Sequence[Scope], days: int | None) -> None:
    """Make a key for NAME and print it: it cannot be shown again.

    Example: keys create reporting --scope users:read --days 90
    """
    expires_at = datetime.now(UTC) + timedelta(days=days) if days else None
    with scale.database.transaction() as session:
        secret = api_keys.create(session, name, scopes, expires_at)
    click.echo(secret)


@group.command("list")
def list_() -> None:
    """List every key; their secrets are kept nowhere."""
    with scale.database.transaction() as session:
        for key in api_keys.list_all(session):
            click.echo(f"{key.id}  {_state(key):<8}  used {key.last_used_on or 'never'!s:<10}  {_describe(key)}")


@group.command()
@click.argument("key_id", type=click.UUID)
def revoke(key_id: UUID) -> None:
    """End the key with this id. It works nowhere from now on, at the latest in 30 seconds if the cache is down."""
    api_keys.revoke(key_id)
    click.echo(f"revoked {key_id}")


def _state(key: ApiKey) -> str:
    if key.revoked_at is not None:
        return "revoked"
    expired = key.expires_at is not None and key.expires_at <= datetime.now(UTC)
    return "expired" if expired else "active"


def _describe(key: ApiKey) -> str:
    until = f" until {key.expires_at:%Y-%m-%d}" if key.expires_at else ""
    return f"{key.name} ({', '.join(key.scopes)}{until})"
