"""Users: create, read, change, delete, look up and search."""

from services.api.users.views import blueprint

__all__ = ["blueprint"]
