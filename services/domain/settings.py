"""The directory's own settings: one frozen object, read from USER_DIRECTORY_<NAME> by API and worker alike."""

from collections.abc import Mapping
from typing import Any

from flask import Flask, current_app
from pydantic import BaseModel, ConfigDict, Field

from flask_scale.settings import read_settings

PREFIX = "USER_DIRECTORY_"
EXTENSION = "user_directory"

MIB = 1024 * 1024


class DirectorySettings(BaseModel):
    """All that can be set. Units are in the names."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_body_bytes: int = Field(MIB, ge=1024, description="Largest request body but for imports, also unpacked.")
    max_import_bytes: int = Field(64 * MIB, ge=1024, description="Largest request of one import, as it is sent.")
    max_import_unpacked_bytes: int = Field(512 * MIB, ge=1024, description="Largest CSV of one import, unpacked.")
    max_unpack_ratio: int = Field(200, ge=2, description="A gzip body that unpacks to more than this times is refused.")
    export_ttl_hours: float = Field(24, gt=0, description="How long an export's file is kept.")


def load_directory_settings(
    config: Mapping[str, Any] | None = None, environ: Mapping[str, str] | None = None
) -> DirectorySettings:
    """Read the settings from `environ` (default: the process's) over `config` (an `app.config`).

    Raises:
        SettingsError: one line that names the setting, what is wrong and what to do.
    """
    return read_settings(DirectorySettings, PREFIX, config, environ)


def init_app(app: Flask) -> None:
    """Read the settings once for `app`; `directory_settings()` finds them there."""
    app.extensions[EXTENSION] = load_directory_settings(app.config)


def directory_settings() -> DirectorySettings:
    """The settings of the active app."""
    settings: DirectorySettings = current_app.extensions[EXTENSION]
    return settings
