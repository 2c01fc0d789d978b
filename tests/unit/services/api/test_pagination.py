import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.pagination import MAX_CURSOR_LENGTH, make_cursor, read_cursor
from services.api.problems import Problem

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=60)
KEYS = st.lists(TEXT, max_size=3).map(tuple)
FILTERS = st.fixed_dictionaries({"q": st.none() | TEXT, "country": st.sampled_from([None, "DE", "FR"])})


@given(KEYS, FILTERS)
def test_a_cursor_gives_back_its_key_for_the_same_search(key, filters):
    cursor = make_cursor(key, **filters)
    assert read_cursor(cursor, **filters) == key
    assert set(cursor) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")


@given(KEYS, FILTERS, FILTERS)
def test_a_cursor_of_another_search_is_refused(key, filters, others):
    if filters != others:
        with pytest.raises(Problem, match="cursor"):
            read_cursor(make_cursor(key, **filters), **others)


@given(KEYS, st.data())
def test_an_altered_cursor_is_refused(key, data):
    cursor = make_cursor(key)
    place = data.draw(st.integers(0, len(cursor) - 1))
    altered = cursor[:place] + data.draw(st.sampled_from("Aa0_%\0é")) + cursor[place + 1 :]
    if decoded(altered) != decoded(cursor):
        with pytest.raises(Problem, match="cursor"):
            read_cursor(altered)


@given(st.text(max_size=80) | st.binary(max_size=80).map(lambda it: base64.urlsafe_b64encode(it).decode()))
def test_garbage_is_refused(cursor):
    with pytest.raises(Problem, match="cursor"):
        read_cursor(cursor)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda it: st.lists(it) | st.dictionaries(st.text(), it)
    )
)
def test_json_of_another_shape_is_refused(value):
    cursor = base64.urlsafe_b64encode(json.dumps(value).encode()).decode()
    with pytest.raises(Problem, match="cursor"):
        read_cursor(cursor)


@pytest.mark.parametrize("key", [["a\0b"], [1], [None], [["a"]]])
def test_a_key_that_is_no_text_is_refused_even_with_a_right_checksum(key):
    with pytest.raises(Problem, match="cursor"):
        read_cursor(make_cursor(key))


def test_the_longest_cursor_fits_its_limit():
    assert len(make_cursor(("name", "\N{GRINNING FACE}" * 200, "é" * 127), q="x", country="DE")) <= MAX_CURSOR_LENGTH


def decoded(cursor: str) -> bytes | None:
    """What it stands for: the last character has bits that stand for nothing."""
    try:
        return base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return None
