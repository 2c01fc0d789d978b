"""The first thing a master does: read the settings and patch the process, before it imports the rest."""

from flask_scale.revisions import wait_until_applied
from flask_scale.server import memory
from flask_scale.server.patching import patch_master
from flask_scale.settings import Settings, load_settings


def start() -> Settings:
    """Return the settings, with the process patched for the gunicorn worker class they name.

    Before that it waits for the newest schema, where `wait_for_migrations_seconds` says so.

    Raises:
        SettingsError: one line that names the setting and the remedy.
    """
    settings = load_settings()
    wait_until_applied(settings)
    memory.hold()
    if settings.worker_class in ("fast", "gevent"):
        patch_master()
    return settings
