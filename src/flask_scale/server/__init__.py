"""gunicorn, set up for high traffic: `flask-scale serve`, or `gunicorn -c python:flask_scale.server.gunicorn_conf`."""
