"""When requests may fail, and which: what a crash takes, and nothing beside it."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from tests.load.history import Event, Name

#: What an operation's first attempt may meet but the right answer.
NOT_SERVED: Sequence[Name] = ("fail", "unknown", "shed")


@dataclass(frozen=True)
class Outage:
    """From `begun` to `ended`, seconds since 1970: what is due then may be not served, if the rest fits too."""

    begun: float
    ended: float
    #: What a first attempt may meet.
    events: Collection[Name] = NOT_SERVED
    #: Of these kinds; empty for all.
    kinds: Collection[str] = ()
    #: At most so many of those kinds that were due, as a share.
    share: float = 1.0

    def holds(self, event: Event) -> bool:
        """Whether an event's operation was due in it, and is of its kinds."""
        return self.begun <= event.intended_at <= self.ended and (not self.kinds or event.kind in self.kinds)

    def excuses(self, event: Event) -> bool:
        """Whether it is one of those that it may take, however many they are.

        A wrong answer never is: another's data, or a status that no crash explains.
        """
        return self.holds(event) and event.event in self.events and not (event.event == "fail" and event.final)


def not_served(events: Iterable[Event]) -> list[Event]:
    """The first attempts that did not get their right answer."""
    return [event for event in events if event.attempt == 1 and event.event in NOT_SERVED]


def without_excuse(events: Sequence[Event], outages: Sequence[Outage]) -> list[Event]:
    """Those of them that no outage takes, in the order of the events; over an outage's share, the last ones."""
    firsts = [event for event in events if event.attempt == 1 and event.event != "invoke"]
    room = [int(outage.share * sum(map(outage.holds, firsts))) for outage in outages]
    left = []
    for event in not_served(firsts):
        taker = next((at for at, outage in enumerate(outages) if room[at] and outage.excuses(event)), None)
        if taker is None:
            left.append(event)
        else:
            room[taker] -= 1
    return left


def longest(events: Iterable[Event], outages: Sequence[Outage]) -> float:
    """Seconds from the first to the last request that an outage took, of the one that took them longest."""
    wrong = not_served(events)
    times = [[event.intended_at for event in wrong if outage.excuses(event)] for outage in outages]
    return max((max(due) - min(due) for due in times if due), default=0.0)
