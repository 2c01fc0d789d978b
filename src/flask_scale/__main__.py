"""`python -m flask_scale` is `flask-scale`."""

from flask_scale.cli import main

main()
