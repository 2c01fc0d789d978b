"""Imports: a CSV file of users becomes a job."""

from services.api.imports.views import blueprint

__all__ = ["blueprint"]
