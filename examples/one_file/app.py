"""One file with all three techniques: an expensive query that is cached, a table, and a durable task.

Run it with everything around it: `flask-scale dev "examples.one_file.app:create_app()"`
"""

import time

from flask import Flask, abort, jsonify, request

from flask_scale import FlaskScale

scale = FlaskScale()


@scale.cached(ttl=300, tags=["reports"])
def expensive_query(year):
    """Kept in Redis for 300 s; however many ask at once, one process computes it."""
    time.sleep(1)
    return {"year": year, "total": sum(range(year))}


@scale.task(max_attempts=5, timeout=600)
def long_running_task(job, data):
    """Runs on a Celery worker, and again if that worker dies."""
    for step in range(10):
        time.sleep(0.1)
        job.progress(step + 1, 10)
    return {"result": data.upper()}


def create_app():
    app = Flask(__name__)
    scale.init_app(app)

    @app.get("/report/<int:year>")
    def report(year):
        return jsonify(expensive_query(year))

    @app.post("/report/refresh")
    def refresh():
        scale.invalidate("reports")
        return "", 204

    @app.post("/work")
    def work():
        data = request.get_json().get("data")
        if not isinstance(data, str):
            abort(400, "data must be a string")
        job = long_running_task.enqueue(data, session=scale.session)
        scale.session.commit()
        return jsonify(job.as_dict()), 202

    @app.get("/work/<job_id>")
    def work_status(job_id):
        return jsonify(scale.jobs.get(job_id).as_dict())

    return app
