"""The one FlaskScale object of the user directory; the API and the worker both set their app up with it."""

from flask_scale import FlaskScale

scale = FlaskScale()
