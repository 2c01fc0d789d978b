import pytest

from flask_scale.state import state_of
from services.domain import statistics
from tests.support.directory import Directory, assert_problem

JANUARY = "/v1/statistics/sign-ups?from=2026-01-01&to=2026-01-31"


@pytest.fixture
def signed_up(directory: Directory) -> Directory:
    for at, country in [
        ("2025-12-31 23:59:59+00", "DE"),
        ("2026-01-01 00:00:00+00", "DE"),
        ("2026-01-05 12:00:00+00", "FR"),
        ("2026-01-05 23:59:59.999+00", "DE"),
        ("2026-01-06 00:30:00+02", "DE"),
        ("2026-01-31 23:59:59.999+00", "DE"),
        ("2026-02-01 00:00:00+00", "DE"),
    ]:
        sql = (
            "INSERT INTO users (email, name, country, created_at) VALUES (:at, 'x', :country, CAST(:at AS timestamptz))"
        )
        directory.execute(sql, at=at, country=country)
    return directory


def counted(directory: Directory, query: str) -> dict[str, int]:
    response = directory.get(f"{JANUARY}&{query}")
    assert response.status_code == 200, response.text
    body = response.get_json()
    assert body["total"] == sum(bucket["count"] for bucket in body["buckets"])
    return {bucket["start"]: bucket["count"] for bucket in body["buckets"] if bucket["count"]}


def test_sign_ups_are_counted_by_day_week_and_month_in_utc(signed_up: Directory):
    assert counted(signed_up, "interval=day") == {"2026-01-01": 1, "2026-01-05": 3, "2026-01-31": 1}
    assert counted(signed_up, "interval=week") == {"2025-12-29": 1, "2026-01-05": 3, "2026-01-26": 1}
    assert counted(signed_up, "interval=month") == {"2026-01-01": 5}
    assert counted(signed_up, "interval=month&country=fr") == {"2026-01-01": 1}


def test_days_are_those_of_utc_whatever_the_databases_time_zone_is(signed_up: Directory):
    engine = state_of(signed_up.app).database.engine
    signed_up.execute(f"ALTER DATABASE {engine.url.database} SET timezone = 'Asia/Tokyo'")
    engine.dispose()
    assert counted(signed_up, "interval=day") == {"2026-01-01": 1, "2026-01-05": 3, "2026-01-31": 1}


def test_empty_days_are_there_too(signed_up: Directory):
    assert len(signed_up.get(JANUARY).get_json()["buckets"]) == 31


def test_without_a_range_the_last_30_days_are_counted(directory: Directory):
    directory.add_user("ada@example.org")
    body = directory.get("/v1/statistics/sign-ups").get_json()
    assert (len(body["buckets"]), body["total"], body["buckets"][-1]["count"]) == (30, 1, 1)


def test_the_second_answer_is_a_hit_until_statistics_are_dropped(signed_up: Directory):
    first, second = signed_up.get(JANUARY), signed_up.get(JANUARY)
    assert first.headers["Cache-Status"] == "user-directory; fwd=miss; stored"
    assert second.headers["Cache-Status"] == "user-directory; hit"
    assert first.data == second.data

    signed_up.execute("DELETE FROM users")
    assert signed_up.get(JANUARY).get_json()["total"] == 5

    with signed_up.app.app_context():
        statistics.invalidate()
    third = signed_up.get(JANUARY)
    assert (third.headers["Cache-Status"], third.get_json()["total"]) == ("user-directory; fwd=miss; stored", 0)


def test_a_stale_answer_is_served_and_says_so_while_the_database_fails(signed_up: Directory, monkeypatch):
    counts = statistics.count_sign_ups
    monkeypatch.setitem(counts._options, "ttl", 0.0001)
    fresh = signed_up.get(JANUARY)
    signed_up.execute("ALTER TABLE users RENAME TO away")

    stale = signed_up.get(JANUARY)

    assert (stale.status_code, stale.headers["Cache-Status"]) == (200, "user-directory; fwd=stale")
    assert stale.data == fresh.data


def test_an_unchanged_answer_is_304(signed_up: Directory):
    tag = signed_up.get(JANUARY).headers["ETag"]
    spared = signed_up.get(JANUARY, headers={"If-None-Match": tag})
    assert (spared.status_code, spared.data) == (304, b"")
    assert spared.headers["Cache-Status"] == "user-directory; hit"


def test_a_cached_answer_still_needs_a_key(signed_up: Directory):
    signed_up.get(JANUARY)
    assert_problem(signed_up.client.get(JANUARY), 401, "unauthorized")
    assert_problem(signed_up.with_scopes("jobs").get(JANUARY), 403, "forbidden")
