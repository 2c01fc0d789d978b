"""Python's cyclic garbage collector, set for a process that serves requests."""

import gc

#: Objects made before a look at the young ones, and looks before the older ones' turn. Python's own 700 has it look
#: several times in a request, each time at what the request still uses: a fifth of a request's time.
THRESHOLDS = (20_000, 20, 50)


def hold() -> None:
    """Before a process imports what it runs: hardly any of that goes, and the looks at it are a fifth of a start."""
    gc.disable()


def share() -> None:
    """Before it forks: what is there now stays, and the collector, which would unshare its pages, leaves it alone."""
    gc.freeze()
    gc.enable()


def settle() -> None:
    """After the app is loaded: what is there now stays, and is looked at no more."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
    gc.enable()
