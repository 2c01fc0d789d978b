"""When which fault happens: drawn from a seed, so that the same seed is the same schedule."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from flask_scale.jobs.failpoints import KINDS, POINTS, Kind

T = TypeVar("T")

#: How long a fault lasts, in seconds; a stop beyond the lease lasts as long as that takes.
LASTS = (0.5, 4.0)


@dataclass(frozen=True)
class Act:
    """One fault of a schedule."""

    #: In seconds after the load began; later where the fault before took longer than it was meant to.
    at: float
    #: Its name in `faults.FAULTS`.
    fault: str
    seconds: float
    #: 0 to 1: which of the parts that it may be done to.
    share: float
    #: Of a failpoint.
    point: str
    kind: Kind

    def choose(self, among: Sequence[T]) -> T:
        """The part that it is done to."""
        return among[int(self.share * len(among))]

    @property
    def label(self) -> str:
        """What a picture and a terminal say."""
        return f"{self.point} {self.kind}" if self.fault == "failpoint" else self.fault


def draw(seed: int, seconds: float, faults: Sequence[str], gaps: tuple[float, float]) -> list[Act]:
    """Faults for so many seconds, `gaps` seconds apart; all of `faults` have come before any comes again."""
    dice = random.Random(seed)
    acts: list[Act] = []
    at = dice.uniform(*gaps)
    for fault in _decks(dice, faults):
        if at >= seconds:
            return acts
        lasts = round(dice.uniform(*LASTS), 2)
        acts.append(Act(round(at, 2), fault, lasts, dice.random(), dice.choice(list(POINTS)), dice.choice(KINDS)))
        at += lasts + dice.uniform(*gaps)
    return acts


def _decks(dice: random.Random, faults: Sequence[str]) -> Iterator[str]:
    while faults:
        yield from dice.sample(faults, len(faults))
