"""Jobs: watch the long work, and stop it."""

from services.api.jobs.views import blueprint

__all__ = ["blueprint"]
