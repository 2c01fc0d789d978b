"""Alembic's entry for the library's own tables."""

from flask_scale.migrate import run_env

run_env(version_table="flask_scale_version")
