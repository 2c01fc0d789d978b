"""How flask_scale itself behaves as what is asked of it grows: workers, load, URLs, routes.

`python -m benchmarks.growth` measures it. `workers.py`, `overload.py`, `memory.py` and `scrape.py` are a part each;
`client.py` and `schedule.py` send the load, `picture.py` draws it.
"""
