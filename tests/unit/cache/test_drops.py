"""Drops survive the way between processes, and a server's silence."""

import pytest

from flask_scale.cache import drops
from flask_scale.cache.drops import Drops, Owed


def test_keys_and_tags_come_out_of_a_message_as_they_went_in():
    sent = Drops(keys=("a", "grüße", "\ud800"), tags=("b\n",))
    assert Drops.of(sent.message()) == sent


def test_what_is_owed_is_taken_once_and_in_one():
    owed = Owed()
    owed.add(Drops(keys=("a",)))
    owed.add(Drops(tags=("t",), leases=(("b", "token"),)))
    with owed.taken() as first:
        assert first == Drops(keys=("a",), tags=("t",), leases=(("b", "token"),))
    with owed.taken() as second:
        assert not second


def test_what_could_not_be_sent_stays_owed():
    owed = Owed()
    owed.add(Drops(keys=("a",)))
    with pytest.raises(OSError, match="away"), owed.taken():
        raise OSError("away")
    with owed.taken() as again:
        assert again == Drops(keys=("a",))


def test_a_long_silence_does_not_use_up_the_memory(monkeypatch):
    monkeypatch.setattr(drops, "MAX_OWED", 3)
    owed = Owed()
    for number in range(10):
        owed.add(Drops(keys=(str(number),)))
    with owed.taken() as taken:
        assert taken.keys == ("7", "8", "9")
