"""The benchmarks' app with pages of their own for each number, and as many plain routes as GROWTH_ROUTES says."""

import os
import random

from flask import jsonify

from benchmarks.contenders.ours import app, scale

#: Random bytes of a page; as hexadecimal digits it is twice as long.
PAGE_BYTES = 1_500


@app.get("/pages/<int:number>")
@scale.cached_response(300, public=True)
def page(number):
    return jsonify(number=number, text=random.Random(number).randbytes(PAGE_BYTES).hex())  # noqa: S311


def plain():
    return "ok"


for number in range(int(os.environ.get("GROWTH_ROUTES", "0"))):
    app.add_url_rule(f"/routes/{number}", f"route_{number}", plain)
