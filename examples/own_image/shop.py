"""A shop of your own on the image of flask-scale: a package of its own, a cached view, and a durable task."""

import humanize
from flask import Flask, jsonify

from flask_scale import FlaskScale

scale = FlaskScale()


@scale.cached(ttl=300)
def prices(year):
    """Kept in Redis: all pods ask for it, one computes it."""
    return {"year": year, "turnover": humanize.intcomma(sum(range(year)))}


@scale.task(max_attempts=5)
def ship(job, order):
    """Runs on a Celery worker of the same image."""
    return {"shipped": humanize.ordinal(order)}


def create_app():
    app = Flask(__name__)
    scale.init_app(app)

    @app.get("/prices/<int:year>")
    def show_prices(year):
        return jsonify(prices(year))

    @app.post("/orders/<int:order>")
    def take_order(order):
        job = ship.enqueue(order, session=scale.session)
        scale.session.commit()
        return jsonify(job.as_dict()), 202

    @app.get("/jobs/<job_id>")
    def show_job(job_id):
        return jsonify(scale.jobs.get(job_id).as_dict())

    return app
