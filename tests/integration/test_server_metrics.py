"""Metrics over many processes: nothing counted is lost, and nothing grows."""

import time
from concurrent.futures import ThreadPoolExecutor

from tests.support.deadline import assert_soon
from tests.support.gunicorn import fetch


def scrape_seconds(server):
    """The quickest of a few scrapes: the rest is the machine's noise."""
    taken = []
    for _ in range(5):
        begun = time.perf_counter()
        server.probe("/metrics")
        taken.append(time.perf_counter() - begun)
    return min(taken)


def test_series_and_scrape_time_stay_flat_over_2000_urls_and_50_recycled_gunicorn_workers(serve):
    # Given gunicorn workers that live for a few requests, and every series that there will be
    server = serve("plain:app", workers=4, max_requests=32)
    pids = ask(server, range(100))
    series, seconds = set(server.samples()), scrape_seconds(server)

    # When 2,000 URLs are asked for
    pids |= ask(server, range(100, 2000))

    # Then more than 50 processes counted together, in the series there were
    assert len(pids) > 50
    assert set(server.samples()) == series
    assert_soon(lambda: scrape_seconds(server) < 3 * seconds + 0.01)
    assert server.sample("flask_http_request_total", method="GET", status="200") == 1000
    assert server.sample("flask_http_request_total", method="GET", status="404") == 1000
    assert server.sample("flask_http_request_total", method="other") == 40


def ask(server, numbers):
    """Ask for that many URLs, half of them such that no rule matches, and made-up methods."""

    def one(number):
        if number % 50 == 0:
            fetch(server.port, "/", method=f"METHOD{number}")
        path = f"/nowhere/{number}" if number % 2 else f"/pid/{number}"
        answer = server.get(path)
        return {answer.json["pid"]} if answer.status == 200 else set()

    with ThreadPoolExecutor(4) as threads:
        return set().union(*threads.map(one, numbers))


def test_every_gunicorn_worker_answers_a_scrape_for_all(serve):
    server = serve("plain:app", workers=3)

    for _ in range(60):
        server.get("/")

    assert {server.sample("flask_http_request_total") for _ in range(20)} == {60}


def test_the_files_of_the_metrics_go_with_the_master(serve, tmp_path, monkeypatch):
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    server = serve("plain:app")
    server.get("/")
    [folder] = tmp_path.glob("flask-scale-metrics-*")

    server.stop()

    assert not folder.exists()


def test_a_scrape_goes_on_while_the_database_is_down(serve, postgres_server, database_url):
    server = serve("factory:create_app()", database_url=database_url)
    server.get("/")

    postgres_server.stop()
    try:
        answer = server.probe("/metrics", timeout=15)
        ready = server.probe("/readyz").status
    finally:
        postgres_server.start()

    assert answer.status == 200
    assert b"flask_http_request_total" in answer.body
    assert ready == 200
