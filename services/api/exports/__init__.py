"""Exports: a job writes users to a CSV file."""

from services.api.exports.views import blueprint

__all__ = ["blueprint"]
