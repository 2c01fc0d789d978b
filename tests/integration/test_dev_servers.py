"""The embedded servers start, hold data, and can be stopped, killed and paused."""

import psycopg2
import pytest
import redis

from flask_scale.dev.postgres import Postgres
from flask_scale.dev.valkey import Valkey


def test_a_fresh_database_answers_over_tcp_with_its_password(database_url: str) -> None:
    connection = psycopg2.connect(database_url)
    cursor = connection.cursor()
    cursor.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
    assert cursor.fetchone() == (0,)
    connection.close()


def test_postgres_refuses_a_client_without_the_password(postgres_server: Postgres) -> None:
    with pytest.raises(psycopg2.OperationalError, match="password"):
        psycopg2.connect(postgres_server.url().replace(postgres_server.password, "wrong"))


def test_a_database_outlives_a_killed_postgres(postgres_server: Postgres, database_url: str) -> None:
    with psycopg2.connect(database_url) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE kept (id int)")
    connection.close()

    postgres_server.kill()
    postgres_server.start()

    with postgres_server.connect(database_url.rpartition("/")[2]) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM kept")
        assert cursor.fetchone() == (0,)


@pytest.mark.parametrize("mode", ["smart", "fast", "immediate"])
def test_postgres_stops_in_each_mode_and_starts_again(postgres_server: Postgres, mode: str) -> None:
    postgres_server.stop(mode)
    assert not postgres_server.running

    postgres_server.start()
    assert postgres_server.is_ready()


def test_a_paused_postgres_accepts_no_one_until_it_is_resumed(postgres_server: Postgres, database_url: str) -> None:
    postgres_server.pause()
    assert not postgres_server.is_ready()

    postgres_server.resume()
    postgres_server.wait_ready()


def test_the_cache_evicts_and_the_broker_never_does(cache_url: str, broker_url: str) -> None:
    policies = [redis.Redis.from_url(url).config_get("maxmemory-policy") for url in (cache_url, broker_url)]
    assert policies == [{"maxmemory-policy": "allkeys-lru"}, {"maxmemory-policy": "noeviction"}]


def test_the_broker_keeps_messages_over_an_orderly_restart(broker_server: Valkey, broker_url: str) -> None:
    with broker_server.client() as client:
        client.rpush("default", "message")

    broker_server.stop()
    broker_server.start()

    with broker_server.client() as client:
        assert client.llen("default") == 1


def test_a_killed_cache_refuses_and_a_paused_one_hangs(cache_server: Valkey, cache_url: str) -> None:
    cache_server.kill()
    with pytest.raises(redis.ConnectionError), cache_server.client() as client:
        client.ping()

    cache_server.start()
    cache_server.pause()
    with pytest.raises(redis.TimeoutError), cache_server.client(1) as client:
        client.ping()
    cache_server.resume()
    cache_server.wait_ready()
