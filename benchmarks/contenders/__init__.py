"""The same small API, written as each peer's own documentation has it. One file is one app.

GET /report: 100 rows as 11 KB of JSON, cached for 300 s. GET /items/<id>: one row, not cached.
POST /jobs: a job is queued. Addresses are in BENCH_DATABASE_URL, BENCH_CACHE_URL and BENCH_BROKER_URL.
"""
