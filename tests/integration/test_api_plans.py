"""Every way to look users up is a range of one index, at a size where PostgreSQL would rather scan."""

import json

import pytest
from sqlalchemy import Select, select
from sqlalchemy.dialects import postgresql

from services.domain import users
from services.domain.models import User
from services.domain.users import Position
from tests.support.directory import Directory

ROWS = 50_000


@pytest.fixture(scope="module")
def crowd(standing_directory: Directory) -> Directory:
    """50,000 users over two years, of whom one in a thousand begins with "rare"."""
    standing_directory.execute(
        """INSERT INTO users (email, name, country, created_at)
        SELECT CASE WHEN n % 1000 = 0 THEN 'rare' ELSE 'user' END || md5(n::text) || '@example.org',
               CASE WHEN n % 1000 = 1 THEN 'Rare ' ELSE 'Person ' END || md5((-n)::text),
               (ARRAY['DE', 'FR', 'GB', 'US', 'BR'])[1 + n % 5],
               '2024-01-01'::timestamptz + n * interval '20 minutes'
        FROM generate_series(1, :rows) AS n""",
        rows=ROWS,
    )
    standing_directory.execute("ANALYZE users")
    return standing_directory


def compiled(statement: Select) -> str:
    """The SQL with its values in it, as psycopg2 sends it."""
    return str(statement.compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True}))


def plan(directory: Directory, sql: str) -> dict:
    [[found]] = directory.execute("EXPLAIN (ANALYZE, FORMAT JSON) " + sql.replace(":", "\\:"))
    return found[0]["Plan"]


def nodes(found: dict) -> list[dict]:
    return [found, *(node for child in found.get("Plans", []) for node in nodes(child))]


def assert_one_range(directory: Directory, statement: Select, index: str, most_rows: int = 60) -> None:
    """The table is reached by `index` alone, and few more rows than a page are read."""
    found = nodes(plan(directory, compiled(statement)))
    assert {node["Index Name"] for node in found if "Index Name" in node} == {index}, json.dumps(found)
    assert not [node for node in found if node["Node Type"] == "Seq Scan"]
    assert max(node["Actual Rows"] + node.get("Rows Removed by Filter", 0) for node in found) <= most_rows


@pytest.mark.parametrize("prefix", ["", "user1", "rare", "nobody"])
@pytest.mark.parametrize("country", [None, "DE"])
@pytest.mark.parametrize("after", [None, "5"])
def test_a_page_by_email_is_one_range(crowd, prefix, country, after):
    position = after and Position("email", (prefix + after,))
    statement = users.by_email(prefix, country, position).limit(51)
    assert_one_range(crowd, statement, "idx_user_country_email" if country else "idx_user_email")


@pytest.mark.parametrize("prefix", ["person 1", "rare", "nobody"])
@pytest.mark.parametrize("country", [None, "DE"])
@pytest.mark.parametrize("after", [None, "5"])
def test_a_page_by_name_is_one_range(crowd, prefix, country, after):
    position = after and Position("name", (prefix + after, "user5"))
    statement = users.by_name(prefix, country, position).limit(51)
    assert_one_range(crowd, statement, "idx_user_country_name" if country else "idx_user_name")


def test_a_lookup_by_email_is_one_probe_of_idx_user_email(crowd):
    assert_one_range(crowd, select(User).where(User.email == "user@example.org"), "idx_user_email", most_rows=1)


def test_a_lookup_by_email_planned_for_any_value_uses_it_too(crowd):
    with crowd.transaction() as session:
        connection = session.connection()
        connection.exec_driver_sql("SET LOCAL plan_cache_mode = force_generic_plan")
        connection.exec_driver_sql("PREPARE by_email (text) AS SELECT * FROM users WHERE email = $1")
        lines = connection.exec_driver_sql("EXPLAIN EXECUTE by_email('user@example.org')").scalars().all()
    assert "Index Scan using idx_user_email" in lines[0], lines


def test_statistics_of_a_few_days_read_only_those_days(crowd):
    sql = "SELECT count(*) FROM users WHERE created_at >= '2025-01-01' AND created_at < '2025-01-08'"
    found = nodes(plan(crowd, sql))
    assert {node["Index Name"] for node in found if "Index Name" in node} == {"idx_user_created_at"}
