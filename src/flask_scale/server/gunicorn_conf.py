"""For people who start gunicorn themselves: `gunicorn -c python:flask_scale.server.gunicorn_conf module:app`.

gunicorn takes this module's names as its settings.
"""

import sys

from flask_scale.errors import SettingsError
from flask_scale.server.start import start

try:
    _settings = start()
except SettingsError as error:
    print(f"flask-scale: {error}", file=sys.stderr)  # noqa: T201
    sys.exit(2)

from flask_scale import logging
from flask_scale.server.config import gunicorn_settings

logging.configure(_settings)
globals().update(gunicorn_settings(_settings))
