"""Alembic's entry: the directory's tables."""

from flask_scale.migrate import run_env
from services.domain.models import NOT_COMPARED, Base

run_env(Base.metadata, include_object=lambda _object, name, *_: name not in NOT_COMPARED)
