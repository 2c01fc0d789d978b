"""One run: load on a stand, faults by a schedule, and what came of it in figures and a picture."""

import math
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.faults.faults import FAULTS
from tests.faults.field import Field, Say
from tests.faults.recovery import read_recoveries
from tests.faults.schedule import Act, draw
from tests.faults.stand import PRODUCTION, SHORT, Stand, Times
from tests.load import timeline
from tests.load.checker import Verdict, check
from tests.load.figures import Results, percentile
from tests.load.plan import Plan
from tests.load.process import Load, Run
from tests.load.target import Target

#: Nearly all are jobs; the rest sees that reads and single writes go on beside them.
MIX: Mapping[str, float] = {
    "run_steps": 0.6,
    "import_users": 0.2,
    "create_user": 0.08,
    "repeat": 0.07,
    "read_user": 0.05,
}
JOBS_SHARE = MIX["run_steps"] + MIX["import_users"]

#: With production's own times no job waits longer for its next start: lease, two sweeps, and the queue.
RECOVERY_SECONDS = 40.0

#: How often each comes before any comes again: what kills running jobs more often, since recovery is told of them.
DECK = (*FAULTS, "worker killed", "worker killed", "worker killed", "worker stopped past its lease")

#: Faults that a picture has room to name; of more it shows their numbers.
NAMED = 40


@dataclass(frozen=True)
class Form:
    """How much of it."""

    name: str
    jobs: int
    seconds: float
    times: Times
    #: From the end of a fault to the next one, in seconds.
    gaps: tuple[float, float]
    workers: int
    concurrency: int
    #: Accepted jobs have so long to end after the last fault, in seconds.
    settle_seconds: float
    durable: bool = False

    @property
    def plan(self) -> Plan:
        """The load: at a steady rate, and with as much patience as an outage takes."""
        rate = self.jobs / JOBS_SHARE / self.seconds
        return Plan.steady(rate, self.seconds, mix=MIX, timeout_seconds=15, resolve_seconds=120)


#: About two minutes on a machine that does little else.
SHORT_FORM = Form("faults", 300, 100, SHORT, (0.3, 2.5), workers=2, concurrency=3, settle_seconds=120)
#: About half an hour; some jobs wait minutes for a retry, as in production.
LONG_FORM = Form(
    "faults (long)", 10_000, 1_500, PRODUCTION, (5, 40), workers=3, concurrency=4, settle_seconds=600, durable=True
)


@dataclass(frozen=True)
class Outcome:
    """What a run came to."""

    form: Form
    run: Run
    verdict: Verdict
    #: Seconds from the kill of a job's Celery worker to the job's next start.
    recoveries: Sequence[float]
    #: Writes of attempts without a lease that were rejected.
    fenced: int
    #: Faults that happened.
    faults: Sequence[str]

    def results(self, path: Path) -> Results:
        """The figures and their gates."""
        name, results = self.form.name, Results(path)
        results.add(f"{name}: faults", len(self.faults), "faults")
        results.at_least(f"{name}: accepted", self.verdict.accepted, "jobs and users", 0.8 * self.form.jobs)
        for kind, count in self.verdict.counts.items():
            results.at_most(f"{name}: {kind}", count, "findings", 0)
        results.at_most(f"{name}: POSTs of unknown outcome", self.run.totals.unresolved, "requests", math.inf)
        results.add(f"{name}: stale writes rejected", self.fenced, "writes")
        results.add(f"{name}: jobs interrupted by a kill", len(self.recoveries), "jobs")
        limit = RECOVERY_SECONDS if self.form.times == PRODUCTION else math.inf
        if self.recoveries:
            results.add(f"{name}: kill to next start p50", round(percentile(self.recoveries, 0.5), 2), "s")
            results.at_most(f"{name}: kill to next start p99", round(percentile(self.recoveries, 0.99), 2), "s", limit)
            results.add(f"{name}: kill to next start, longest", round(max(self.recoveries), 2), "s")
        return results


def play(form: Form, seed: int, folder: Path, results: Path, say: Say) -> Outcome:
    """Play it; the servers' data are in `folder`, the history, the logs and the picture beside `results`."""
    acts = draw(seed, form.seconds, DECK, form.gaps)
    kept = results.with_suffix("")
    concurrency = str(form.concurrency)
    stand = Stand(folder, form.times, workers=form.workers, durable=form.durable, WORKER_CONCURRENCY=concurrency)
    try:
        with stand, Load(form.plan, Target(stand.url, stand.key), kept) as load:
            field = Field(stand, say)
            _carry_out(acts, field, form)
            stand.heal()
            say(f"{field.elapsed:6.1f} s  all is healed; the load comes to its end")
            run = load.finish()
            say(f"{field.elapsed:6.1f} s  waiting for accepted jobs to end")
            verdict = check(run.history, stand.query, settle_seconds=form.settle_seconds)
            field.count_fenced()
            found = read_recoveries(field.kills, stand.query)
    finally:
        shutil.copytree(folder / "logs", kept / "logs", dirs_exist_ok=True)
    marks = field.events if len(acts) <= NAMED else [(at, str(n)) for n, (at, _) in enumerate(field.events, 1)]
    timeline.draw(
        results.with_suffix(".png"), run.history, samples=field.samples, events=marks, title=f"{form.name}, seed {seed}"
    )
    return Outcome(form, run, verdict, found, field.fenced, [label for _, label in field.events])


def _carry_out(acts: Sequence[Act], field: Field, form: Form) -> None:
    for act in acts:
        field.rest_until(act.at)
        field.stand.wait_for_servers()
        if field.elapsed > form.seconds:
            return
        field.mark(act.label)
        FAULTS[act.fault](field, act)
    field.rest_until(form.seconds)
