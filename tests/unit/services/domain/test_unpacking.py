import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.domain.errors import NotGzip, UnpacksTooLarge
from services.domain.unpacking import RATIO_FLOOR_BYTES, STEP_BYTES, unpack

ROOMY = {"max_bytes": 10**9, "max_ratio": 10**6}


def chunks(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=4), st.integers(1, 64), st.integers(0, 9))
def test_what_was_packed_comes_out_however_it_is_cut(members, size, zeros):
    packed = b"".join(map(gzip.compress, members)) + b"\0" * zeros
    assert b"".join(unpack(chunks(packed, size), **ROOMY)) == b"".join(members)


@pytest.mark.parametrize("size", [STEP_BYTES - 1, STEP_BYTES, STEP_BYTES + 1, 5 * STEP_BYTES])
def test_pieces_are_bounded_and_complete(size):
    pieces = list(unpack([gzip.compress(b"x" * size)], **ROOMY))
    assert b"".join(pieces) == b"x" * size
    assert max(map(len, pieces)) <= STEP_BYTES


def test_a_body_over_the_size_ends_at_once():
    packed = gzip.compress(b"x" * 50_000_000)
    taken = []
    with pytest.raises(UnpacksTooLarge, match="200000 bytes"):
        taken.extend(unpack([packed], max_bytes=200_000, max_ratio=10**6))
    assert sum(map(len, taken)) <= 200_000


def test_a_bomb_is_refused_by_its_ratio():
    packed = gzip.compress(b"x" * 20_000_000)
    with pytest.raises(UnpacksTooLarge, match="200 times"):
        list(unpack(chunks(packed, 1000), max_bytes=10**9, max_ratio=200))


def test_a_small_body_may_pack_well():
    data = b"x" * RATIO_FLOOR_BYTES
    assert b"".join(unpack([gzip.compress(data)], max_bytes=10**9, max_ratio=2)) == data


@pytest.mark.parametrize(
    "packed",
    [
        b"",
        b"plain text",
        gzip.compress(b"x" * 9999, mtime=0)[:-5],
        gzip.compress(b"x", mtime=0) + b"trailing",
        zlib.compress(b"x"),
        b"\x1f\x8b",
    ],
)
def test_what_is_not_gzip_is_refused(packed):
    with pytest.raises(NotGzip):
        list(unpack([packed], **ROOMY))
