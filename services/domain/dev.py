"""What `make run` needs of the directory."""

from sqlalchemy import delete

from flask_scale.database import Database
from flask_scale.settings import Settings
from services.domain import api_keys
from services.domain.models import ApiKey

#: The name of the one key that `make run` makes.
NAME = "dev"


def make_key(settings: Settings) -> str:
    """Make the development key, with every scope, in place of the one of the last start."""
    database = Database(settings)
    try:
        with database.transaction() as session:
            session.execute(delete(ApiKey).where(ApiKey.name == NAME))
            return api_keys.create(session, NAME, api_keys.SCOPES)
    finally:
        database.close()
