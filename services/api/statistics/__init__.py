"""Statistics: the expensive query, cached."""

from services.api.statistics.views import blueprint

__all__ = ["blueprint"]
