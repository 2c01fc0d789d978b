"""The requests of a run follow its mix, and what its answers taught."""

import json
from collections import Counter
from datetime import date

from tests.load.answers import Answer, Found
from tests.load.operations import Operations, Request
from tests.load.people import person
from tests.load.plan import DEFAULT_MIX

TODAY = date(2026, 1, 31)


def operations(seed: int = 1, **mix: float) -> Operations:
    return Operations("run", seed=seed, mix=mix or DEFAULT_MIX, today=TODAY)


def teach(known: Operations, request: Request, number: int) -> None:
    """Answer a create as the directory would."""
    body = {"id": number, **person(request.emails[0])._asdict()}
    known.learn(request, Answer(201, {}, json.dumps(body).encode()), Found(user=number))


def test_until_a_user_is_known_an_operation_creates_one() -> None:
    for kind in ("read_user", "find_user", "repeat"):
        assert operations(**{kind: 1}).make(3).kind == "create_user"


def test_reads_are_of_users_that_were_created() -> None:
    known = operations(read_user=1)
    teach(known, known.make(0), 7)
    assert known.make(1).path == "/v1/users/7"


def test_an_email_is_looked_up_in_either_case() -> None:
    known = operations(find_user=1)
    teach(known, known.make(0), 7)
    email = "run-0@load.example.org"
    assert {known.make(number).path.rpartition("=")[2] for number in range(50)} == {email, email.upper()}


def test_a_repeat_has_key_and_body_of_an_accepted_post_and_comes_once() -> None:
    known = operations(repeat=1)
    first = known.make(0)
    teach(known, first, 7)
    again = known.make(1)
    assert (again.kind, again.key, again.body) == ("repeat", first.key, first.body)
    assert known.make(2).kind == "create_user"


def test_every_write_has_emails_and_a_key_of_its_own() -> None:
    known = operations(create_user=1, import_users=1)
    requests = [known.make(number) for number in range(100)]
    emails = [email for request in requests for email in request.emails]
    assert len(set(emails)) == len(emails) > 100
    assert len({request.key for request in requests}) == 100
    for request in requests:
        assert request.body
        assert all(email.encode() in request.body for email in request.emails)


def test_a_job_of_steps_is_told_how_many_and_how_long_each_takes() -> None:
    known = operations(run_steps=1)
    requests = [known.make(number) for number in range(100)]
    assert {request.steps for request in requests} == {1, 2, 3}
    for request in requests:
        body = json.loads(request.body or b"")
        assert body["steps"] == request.steps
        assert 0 < body["pause"] < 1


def test_the_mix_is_kept() -> None:
    known = operations()
    counts: Counter[str] = Counter()
    for number in range(4000):
        request = known.make(number)
        counts[request.kind] += 1
        if request.kind == "create_user":
            teach(known, request, number)
    for kind, share in DEFAULT_MIX.items():
        assert abs(counts[kind] / 4000 - share) < 0.03, counts


def test_a_seed_draws_the_same_again() -> None:
    def drawn(seed: int) -> list[str]:
        known = operations(seed, create_user=1, import_users=1, statistics=1)
        return [known.make(number).path for number in range(50)]

    assert drawn(5) == drawn(5) != drawn(6)
