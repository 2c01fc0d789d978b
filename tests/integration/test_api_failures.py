"""What the API does when a server that it needs is away."""

from flask_scale.dev.postgres import Postgres
from flask_scale.dev.valkey import Valkey
from flask_scale.state import state_of
from tests.support.directory import Directory, assert_problem


def test_with_the_database_down_it_is_503_and_goes_on_when_it_is_back(directory: Directory, postgres_server: Postgres):
    assert directory.get("/v1/users").status_code == 200
    postgres_server.stop("immediate")

    response = directory.get("/v1/users")
    assert "detail" not in assert_problem(response, 503, "unavailable")
    assert int(response.headers["Retry-After"]) >= 1

    postgres_server.start()
    assert directory.get("/v1/users").status_code == 200


def test_with_no_free_connection_it_is_503(directory: Directory):
    assert directory.get("/v1/users").status_code == 200
    pool = state_of(directory.app).database.engine.pool
    pool._timeout = 0.1
    taken = [pool.connect() for _ in range(15)]

    response = directory.get("/v1/users")

    assert_problem(response, 503, "unavailable")
    assert int(response.headers["Retry-After"]) >= 1
    for connection in taken:
        connection.close()
    assert directory.get("/v1/users").status_code == 200


def test_with_the_cache_down_every_answer_is_right(directory: Directory, cache_server: Valkey):
    directory.add_user("ada@example.org")
    cache_server.stop()

    assert directory.get("/v1/users?email=ada@example.org").get_json()["items"]
    statistics = directory.get("/v1/statistics/sign-ups")
    assert (statistics.status_code, statistics.get_json()["total"]) == (200, 1)
