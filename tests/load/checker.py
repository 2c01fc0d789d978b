"""Holds what the client saw against what the database has.

| finding    | means |
|------------|-------|
| lost       | accepted, and the user, the job or its rows are not there, or the job did not succeed in time |
| doubled    | two users or jobs under one key, an effect made twice, a job completed twice |
| unexpected | a row of the run that no request explains |
| changed    | a job that had ended went on, or a user is another than was sent |
| incomplete | an effect without its completion: rows of an import that never succeeded |

A POST that was not accepted may be there or not, but at most once and whole.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, NamedTuple

from tests.load.facts import Facts, JobRow, Query, by_key, read_facts, settle
from tests.load.history import Event, History, Operation
from tests.load.people import person

Kind = Literal["lost", "doubled", "unexpected", "changed", "incomplete"]
KINDS: tuple[Kind, ...] = ("lost", "doubled", "unexpected", "changed", "incomplete")

#: How long accepted jobs may take to end after the run, in seconds: a lease and some attempts.
SETTLE_SECONDS = 90.0

#: The events by which a job ends, and the one by which a person brings it back.
ENDINGS = frozenset({"succeeded", "dead", "cancelled"})
REQUEUED = "requeued"

#: In the problem that the directory answers where a user is there; nobody else writes a run's emails.
EMAIL_TAKEN = "/problems/email-taken"

#: The kinds whose effects are looked at.
CHECKED = ("create_user", "import_users", "run_steps")

#: Findings of a kind that a verdict shows.
EXAMPLES = 5


class Finding(NamedTuple):
    """One thing that must not be."""

    kind: Kind
    text: str


@dataclass(frozen=True)
class Verdict:
    """All findings of a run; `str` gives counts and examples, a line each."""

    run: str
    #: POSTs that were accepted.
    accepted: int
    findings: Sequence[Finding]

    @property
    def counts(self) -> dict[Kind, int]:
        """How many findings of each kind."""
        return {kind: sum(finding.kind == kind for finding in self.findings) for kind in KINDS}

    @property
    def sound(self) -> bool:
        """Whether there is none."""
        return not self.findings

    def assert_sound(self) -> None:
        """Pass where nothing was found, and something was accepted at all."""
        assert self.accepted > 0, "nothing was accepted: there is nothing to prove"
        assert self.sound, str(self)

    def __str__(self) -> str:
        counts = ", ".join(f"{count} {kind}" for kind, count in self.counts.items())
        lines = [f"run {self.run}: {self.accepted} accepted, {counts}"]
        for kind in KINDS:
            found = [finding.text for finding in self.findings if finding.kind == kind]
            lines += [f"  {kind}: {text}" for text in found[:EXAMPLES]]
            lines += [f"  {kind}: and {len(found) - EXAMPLES} more"] * (len(found) > EXAMPLES)
        return "\n".join(lines)


def check(history: History, query: Query, *, settle_seconds: float = SETTLE_SECONDS) -> Verdict:
    """Wait for accepted jobs to end, read the database and judge."""
    settle(history, query, seconds=settle_seconds)
    return judge(history, read_facts(history, query))


def judge(history: History, facts: Facts) -> Verdict:
    """Judge by facts that were read."""
    return _Checker(history, facts).verdict()


class _Checker:
    def __init__(self, history: History, facts: Facts) -> None:
        self._history = history
        self._facts = facts
        by_kind: dict[str, list[Operation]] = defaultdict(list)
        for one in history.operations:
            by_kind[one.invoke.kind].append(one)
        self._creates, self._imports, self._steps = map(by_kind.__getitem__, CHECKED)
        self._users = {row.email: row for row in facts.users}
        self._keys = by_key(facts.keys)
        self._jobs = {row.id: row for row in facts.jobs}

    def verdict(self) -> Verdict:
        accepted = [one for one in (*self._creates, *self._imports, *self._steps) if one.accepted]
        findings = [
            *self._check_keys(),
            *self._check_answers(),
            *(finding for one in self._creates for finding in self._check_create(one)),
            *(finding for one in self._imports for finding in self._check_import(one)),
            *(finding for one in self._steps for finding in self._check_steps(one)),
            *self._check_rows(),
            *self._check_events(),
        ]
        return Verdict(self._history.run, len(accepted), findings)

    def _check_keys(self) -> Iterator[Finding]:
        """An accepted request's key is kept, with the answer that was given."""
        for one in (*self._creates, *self._imports, *self._steps):
            key = one.invoke.key or ""
            if not (accepted := one.accepted):
                continue
            if key not in self._keys:
                yield Finding("lost", f"{_name(one)} was accepted and its Idempotency-Key is not kept")
            elif self._keys[key].id != _id(accepted):
                other = self._keys[key].id
                yield Finding("doubled", f"{_name(one)} was answered {_id(accepted)}, its key holds {other}")

    def _check_answers(self) -> Iterator[Finding]:
        """Whoever used a key got the same user or job; and no further attempt met what an earlier one had made."""
        ids: dict[str, set[str]] = defaultdict(set)
        for event in self._history.events:
            if event.key and event.event == "ok":
                ids[event.key].add(_id(event))
            if event.event == "fail" and EMAIL_TAKEN in (event.error or ""):
                yield Finding("doubled", f"{event.kind} {event.key} met its own user at attempt {event.attempt}")
        for key, found in ids.items():
            if len(found) > 1:
                yield Finding("doubled", f"key {key} was answered {len(found)} ids: {', '.join(sorted(found))}")

    def _check_create(self, one: Operation) -> Iterator[Finding]:
        (email,) = one.invoke.emails
        row = self._users.get(email)
        if one.accepted and row is None:
            yield Finding("lost", f"{_name(one)} was accepted as user {one.accepted.user} and {email} is not there")
        elif one.accepted and row is not None and row.id != one.accepted.user:
            yield Finding("doubled", f"{_name(one)} was answered user {one.accepted.user}, {email} is user {row.id}")
        if row is not None and (one.invoke.key or "") not in self._keys:
            yield Finding("incomplete", f"{_name(one)}: {email} is there, its Idempotency-Key is not kept")

    def _check_import(self, one: Operation) -> Iterator[Finding]:
        there = [email for email in one.invoke.emails if email in self._users]
        job = self._job_of(one)
        rows = f"{len(there)} of {len(one.invoke.emails)} rows are there"
        if job is None:
            if one.accepted:
                yield Finding("lost", f"{_name(one)} was accepted as job {one.accepted.job} and no such job is there")
            if there:
                yield Finding("incomplete", f"{_name(one)}: {rows}, a job is not")
        elif job.state != "succeeded":
            yield Finding("lost", f"{_name(one)}: job {job.id} is {job.state}, not succeeded")
            if there:
                yield Finding("incomplete", f"{_name(one)}: {rows}, job {job.id} is {job.state}")
        else:
            yield from self._check_effect(one, job, rows, complete=len(there) == len(one.invoke.emails))

    def _check_effect(self, one: Operation, job: JobRow, rows: str, *, complete: bool) -> Iterator[Finding]:
        sent = len(one.invoke.emails)
        if not complete:
            yield Finding("lost", f"{_name(one)}: job {job.id} succeeded and {rows}")
        if job.read != sent:
            yield Finding("changed", f"{_name(one)}: job {job.id} read {job.read} rows, {sent} were sent")
        elif job.inserted != sent:
            # Nobody else writes these emails: the rows that it skipped were its own, from another time.
            yield Finding(
                "doubled", f"{_name(one)}: job {job.id} met its own rows: it inserted {job.inserted} of {sent}"
            )

    def _check_steps(self, one: Operation) -> Iterator[Finding]:
        job = self._job_of(one)
        if job is None:
            if one.accepted:
                yield Finding("lost", f"{_name(one)} was accepted as job {one.accepted.job} and no such job is there")
            return
        taken = self._facts.steps.get(job.id, [])
        what = f"{_name(one)}: job {job.id} is {job.state}, took steps {taken} of {one.invoke.steps}"
        if len(taken) > len(set(taken)):
            yield Finding("doubled", what)
        if set(taken) - set(range(one.invoke.steps or 0)):
            yield Finding("unexpected", what)
        if job.state != "succeeded" or len(set(taken)) < (one.invoke.steps or 0):
            yield Finding("lost", what)
        if job.state != "succeeded" and taken:
            yield Finding("incomplete", what)

    def _job_of(self, one: Operation) -> JobRow | None:
        """The job that the operation's key holds, or else that it was answered."""
        kept = self._keys.get(one.invoke.key or "")
        return self._jobs.get((kept.id if kept else "") or (one.accepted.job if one.accepted else "") or "")

    def _check_rows(self) -> Iterator[Finding]:
        emails = {email for one in self._history.operations for email in one.invoke.emails}
        for email, count in Counter(row.email for row in self._facts.users).items():
            if count > 1:
                yield Finding("doubled", f"{count} users have {email}")
        keys = {one.invoke.key for one in self._history.operations}
        for row in self._facts.users:
            if row.email not in emails:
                yield Finding("unexpected", f"user {row.id} {row.email}: nobody sent it")
            elif (row.name, row.country, row.version) != (*person(row.email)[1:], 1):
                yield Finding("changed", f"user {row.id} {row.email} is not as it was sent: {row}")
        for key in self._keys.keys() - keys:
            yield Finding("unexpected", f"Idempotency-Key {key}: nobody sent it")
        for job in self._facts.jobs:
            if not job.explained:
                yield Finding("unexpected", f"job {job.id} ({job.state}): no Idempotency-Key was answered with it")

    def _check_events(self) -> Iterator[Finding]:
        for job in self._facts.steps.keys() - self._jobs.keys():
            yield Finding("unexpected", f"steps of job {job}, which is not there")
        for job, names in self._facts.events.items():
            if names.count("succeeded") > 1:
                yield Finding("doubled", f"job {job} succeeded {names.count('succeeded')} times: {', '.join(names)}")
            if any(name in ENDINGS and after != REQUEUED for name, after in pairwise(names)):
                yield Finding("changed", f"job {job} went on after its end: {', '.join(names)}")
            row = self._jobs.get(job)
            last = names[-1] if names[-1] in ENDINGS else None
            if row and (last or row.state in ENDINGS) and last != row.state:
                yield Finding("changed", f"job {job} is {row.state}, its events say {', '.join(names)}")


def _id(event: Event) -> str:
    return str(event.user) if event.job is None else event.job


def _name(one: Operation) -> str:
    return f"{one.invoke.kind} {one.invoke.key}"
