"""Slots are few, and used again."""

import pytest

from flask_scale.server.slots import Slots


def test_the_lowest_free_slot_is_given_and_a_released_one_is_used_again():
    slots = Slots(3)
    assert [slots.take(), slots.take()] == [0, 1]
    slots.release(0)
    assert [slots.take(), slots.take()] == [0, 2]


def test_more_processes_than_slots_are_refused_with_the_remedy():
    slots = Slots(1)
    slots.take()
    with pytest.raises(RuntimeError, match="raise FLASK_SCALE_WORKERS"):
        slots.take()
