"""The library's own tables, as Alembic revisions in `versions/`."""
