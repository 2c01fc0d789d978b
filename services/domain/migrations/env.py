"""Alembic's entry: the directory's tables."""

from flask_scale.migrate import run_env

from services.domain.models import Base

run_env(Base.metadata)
