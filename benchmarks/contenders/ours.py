"""The same on flask_scale."""

from flask import Flask, abort, jsonify, request
from sqlalchemy import bindparam, select

from benchmarks.contenders.models import Item
from flask_scale import FlaskScale

app = Flask(__name__)
scale = FlaskScale()
find_item = scale.read(select(Item.id, Item.name, Item.email, Item.price).where(Item.id == bindparam("number")))


@scale.task()
def work(job, number):
    return number


@app.get("/report")
@scale.cached_response(300, public=True)
def report():
    rows = scale.session.scalars(select(Item).order_by(Item.id).limit(100))
    return jsonify([row.as_dict() for row in rows])


@app.get("/items/<int:number>")
def item(number):
    found = find_item.first(number=number)
    if found is None:
        abort(404)
    return jsonify(found)


@app.post("/jobs")
def job():
    queued = work.enqueue(request.get_json()["number"])
    return jsonify(id=queued.id), 202


scale.init_app(app)
