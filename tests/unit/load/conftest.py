"""Histories and facts of a run that went well, for tests to spoil."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.unit.load.stand_in import StandIn, Trouble, no_trouble, serving


@pytest.fixture
def serve() -> Iterator[Callable[..., StandIn]]:
    """Makes stand-ins that listen until the test's end."""
    with ExitStack() as stack:

        def make(trouble: Trouble = no_trouble) -> StandIn:
            return stack.enter_context(serving(StandIn(trouble)))

        yield make
