"""A scene: load on a release while something is done to it, and what came of it, in figures and a picture."""

import math
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field

import pytest

from support.cluster import ROOT
from support.directory import make_key
from support.release import Release
from support.watch import Watch, watching
from tests.load import timeline
from tests.load.checker import Verdict, check
from tests.load.facts import psql_rows
from tests.load.figures import Figure, Results, run_figures
from tests.load.outage import Outage, longest, not_served, without_excuse
from tests.load.plan import DEFAULT_MIX, Plan
from tests.load.process import Load, Run
from tests.load.target import Target

RESULTS = ROOT / "results"
PICTURES = RESULTS / "scenes"
FIGURES = RESULTS / "scenes.json"

#: `make scenes SCENES=long` plays the long form: more of everything, at a higher rate.
LONG = os.environ.get("SCENES") == "long"

#: Requests a second, where a scene names no other; three in ten are POSTs with an Idempotency-Key.
RATE = 40 if LONG else 12

#: Of what kinds: in the long form as many POSTs, but fewer jobs, which cost the machine several times what users do.
MIX = {**DEFAULT_MIX, "create_user": 0.25, "import_users": 0.02} if LONG else DEFAULT_MIX

#: The share of requests after which a client connects anew: what stands before the pods is seen by these alone.
FRESH = 0.2

#: Longest load that a scene may need; it ends as soon as the scene does.
LONGEST_SECONDS = 1800

#: A client that is later than this, in seconds, with one request of its schedule is no judge of the others.
LATENESS_SECONDS = 2.0

#: Load before the first and after the last thing that happens, in seconds.
CALM_SECONDS = 5


@dataclass
class Scene:
    """One scene under way. `run` and `verdict` are there once its block has ended."""

    name: str
    watch: Watch
    load: Load
    run: Run = field(init=False)
    verdict: Verdict = field(init=False)

    def mark(self, label: str) -> float:
        """Say that something happens now, under load; it is a line in the picture. Gives the time."""
        assert not self.load.ended, f"{label}: the load was over before"
        return self.watch.mark(label)

    def wait(self) -> None:
        """Let the load come to its own end."""
        while not self.load.ended:
            time.sleep(1)

    def assert_sound(self) -> None:
        """Pass where nothing that was accepted is lost, doubled or changed."""
        self.verdict.assert_sound()

    def assert_served_but(self, *outages: Outage, seconds: float) -> None:
        """Pass where it is sound, what was cut off got its right answer later, and nobody but `outages` took any.

        `seconds` is how long one of them takes requests, by docs/how-to/failures.md: a figure's gate.
        """
        self.assert_sound()
        self._skip_of_late_client()
        events = self.run.history.events
        left = without_excuse(events, outages)
        self.tell("requests that were not served", len(not_served(events)), "requests")
        self.at_most("longest time in which an outage took some", longest(events, outages), "s", seconds)
        self.at_most("not served without the outages' excuse", len(left), "requests", 0)
        assert not left, "\n".join(str(one) for one in left[:10])
        assert self.run.totals.unresolved == 0, self.run.failures()

    def assert_each_was_felt(self, *outages: Outage) -> None:
        """Pass where each took some request: else nothing was away, and the scene proves nothing."""
        wrong = not_served(self.run.history.events)
        for outage in outages:
            assert any(map(outage.excuses, wrong)), f"nobody met it: {outage}"

    def assert_nothing_failed(self) -> None:
        """Pass where besides every request got its right answer at its first attempt."""
        self.assert_sound()
        self._skip_of_late_client()
        self.run.assert_none_failed()

    def _skip_of_late_client(self) -> None:
        """A client that had no processor for so long tells nothing of the release, whatever it met."""
        late = self.run.client.worst_lateness_seconds
        if late > LATENESS_SECONDS:
            NOT_JUDGED.append(self.name)
            Results(FIGURES).forget(f"{self.name}: ")
            pytest.skip(
                f"not judged: the load's own client was up to {late:.1f} s late; let the machine do less beside"
            )

    def at_most(self, name: str, value: float | None, unit: str, most: float) -> None:
        """Keep a figure whose gate is `most`; a value of None is never. A missed gate is told."""
        found = math.inf if value is None else value
        self._keep(lambda results: results.at_most(f"{self.name}: {name}", found, unit, most))

    def at_least(self, name: str, value: float, unit: str, least: float) -> None:
        """Keep a figure whose gate is `least`. A missed gate is told."""
        self._keep(lambda results: results.at_least(f"{self.name}: {name}", value, unit, least))

    def tell(self, name: str, value: float | None, unit: str) -> None:
        """Keep a figure in results/scenes.json, and print it."""
        self._keep(lambda results: results.add(f"{self.name}: {name}", value, unit))

    def _keep(self, add: Callable[[Results], Figure]) -> None:
        results = Results(FIGURES)
        figure = add(results)
        results.write()
        TOLD.append(figure)


#: What this run's scenes told, for its summary.
TOLD: list[Figure] = []

#: Those of them whose own client was late.
NOT_JUDGED: list[str] = []

#: (name, plan) begins a scene.
Play = Callable[..., AbstractContextManager[Scene]]


@contextmanager
def play(release: Release, url: str, name: str, plan: Plan | None = None) -> Iterator[Scene]:
    """Load on `release` by `plan`, or at RATE until the block ends; then the check, the figures and the picture."""
    plan = plan or Plan.steady(RATE, LONGEST_SECONDS, mix=MIX, fresh=FRESH)
    name = f"{name} (long)" if LONG else name
    Results(FIGURES).forget(f"{name}: ")
    folder = PICTURES / re.sub(r"[ ()]+", "-", name).strip("-")
    with watching(release) as watch, Load(plan, Target(url, make_key(release)), folder) as load:
        scene = Scene(name, watch, load)
        try:
            yield scene
        finally:
            scene.run = load.stop()
            picture = folder.with_suffix(".png")
            timeline.draw(picture, scene.run.history, samples=watch.samples, events=watch.events, title=name)
    scene.verdict = check(scene.run.history, psql_rows(release.sql))
    results = Results(FIGURES)
    results.add(f"{name}: revision", revision(), "git describe")
    run_figures(results, name, scene.run.totals)
    for kind, count in scene.verdict.counts.items():
        results.at_most(f"{name}: {kind}", count, "findings", 0)
    results.write()
    print(f"\n{name}: {scene.run.totals}\n{scene.verdict}")


def revision() -> str:
    """What the scene was played on: the commit, and whether there was more; "none" of a copy, as a mutant is."""
    command = ["git", "describe", "--always", "--dirty"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout.strip() or "none"
