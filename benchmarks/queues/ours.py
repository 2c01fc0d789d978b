"""flask_scale: the job is a row in PostgreSQL, claimed with a lease and a fencing token."""

from flask import Flask

from benchmarks.queues import effect, enqueue_by
from flask_scale import FlaskScale

app = Flask(__name__)
scale = FlaskScale(app)


@scale.task()
def work(job):
    effect()


if __name__ == "__main__":
    with app.app_context():
        enqueue_by(work.enqueue)
