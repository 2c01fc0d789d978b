from itertools import chain, pairwise

import pytest

from tests.support.directory import Directory, assert_problem

PEOPLE = [
    ("anna@example.org", "Zoe Young", "DE"),
    ("bob@example.org", "Anna Best", "DE"),
    ("carl@example.org", "anna Cole", "FR"),
    ("anna.z@example.org", "Anna Zimmer", "FR"),
    ("dora@example.org", "Annabel Dent", "DE"),
    ("elsa@example.org", "Ella East", "DE"),
    ("an_na@example.org", "Percent % Sign", "DE"),
    ("franz@example.org", "Änne Groß", "DE"),
]


@pytest.fixture
def people(directory: Directory) -> Directory:
    for person in PEOPLE:
        directory.add_user(*person)
    return directory


def pages(directory: Directory, query: str, limit: int) -> list[list[str]]:
    """The emails of every page, each reached by the cursor of the one before."""
    found = []
    path = f"/v1/users?limit={limit}&{query}"
    while path:
        response = directory.get(path)
        assert response.status_code == 200, response.text
        body = response.get_json()
        found.append([user["email"] for user in body["items"]])
        path = body["next"] and f"/v1/users?limit={limit}&{query}&cursor={body['next']}"
    return found


BY_EMAIL = ["anna.z@example.org", "anna@example.org"]
BY_NAME = ["bob@example.org", "carl@example.org", "dora@example.org"]


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5, 200])
def test_a_search_gives_emails_then_names_and_nobody_twice(people: Directory, limit):
    found = pages(people, "q=anna", limit)
    assert list(chain(*found)) == BY_EMAIL + BY_NAME
    assert all(len(page) == limit for page in found[:-1])
    assert found[-1]


@pytest.mark.parametrize("limit", [1, 2, 200])
def test_a_search_in_a_country_stays_in_it(people: Directory, limit):
    assert list(chain(*pages(people, "q=ANNA&country=fr", limit))) == ["anna.z@example.org", "carl@example.org"]


@pytest.mark.parametrize("limit", [1, 3, 200])
def test_everyone_is_listed_by_email(people: Directory, limit):
    emails = list(chain(*pages(people, "", limit)))
    assert len(emails) == len(PEOPLE)
    assert all(first < second for first, second in pairwise(emails))


def test_signs_that_mean_something_in_sql_are_plain_text(people: Directory):
    assert pages(people, "q=an_", 10) == [["an_na@example.org"]]
    assert pages(people, "q=%25", 10) == [[]]
    assert pages(people, "q=percent+%25", 10) == [["an_na@example.org"]]
    assert pages(people, "q=a%5C", 10) == [[]]


def test_a_name_is_found_in_decomposed_spelling_and_other_case(people: Directory):
    assert pages(people, "q=A%CC%88NNE", 10) == [["franz@example.org"]]


def test_pages_go_on_where_they_ended_though_users_come_and_go(people: Directory):
    first = people.get("/v1/users?limit=2").get_json()
    people.delete(f"/v1/users/{first['items'][1]['id']}")
    people.add_user("aaa@example.org")

    second = people.get(f"/v1/users?limit=2&cursor={first['next']}").get_json()

    assert [user["email"] for user in second["items"]] == ["anna@example.org", "bob@example.org"]


def test_the_link_header_leads_to_the_next_page(people: Directory):
    response = people.get("/v1/users?q=anna&limit=2")
    link = response.headers["Link"]
    assert link.endswith('; rel="next"')
    following = people.get(link[1 : link.index(">")])
    assert [user["email"] for user in following.get_json()["items"]] == BY_NAME[:2]
    assert "Link" not in people.get("/v1/users?q=anna").headers


def test_a_cursor_of_another_search_is_refused(people: Directory):
    cursor = people.get("/v1/users?q=anna&limit=1").get_json()["next"]
    for query in ("", "&q=ann", "&q=anna&country=DE"):
        assert_problem(people.get(f"/v1/users?cursor={cursor}{query}"), 400, "cursor")
    assert_problem(people.get("/v1/users?cursor=garbage"), 400, "cursor")


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=201",
        "limit=-1",
        "limit=x",
        "limit=99999999999999999999",
        "q=",
        "q=%00",
        "q=%0A",
        "q=" + "x" * 201,
        "country=XX",
        "colour=red",
        "email=nobody",
        "email=a@example.org&q=a",
        "q=a&q=b",
    ],
)
def test_a_wrong_query_is_a_validation_problem(directory: Directory, query):
    assert assert_problem(directory.get(f"/v1/users?{query}"), 422, "validation")["errors"]
