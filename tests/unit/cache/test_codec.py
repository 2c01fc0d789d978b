"""Values go through JSON and come back equal, or are refused by name."""

import datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flask_scale.cache.codec import decode, encode
from flask_scale.errors import NotCacheable

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
text = st.text(st.characters(exclude_categories=()))
values = st.recursive(scalars | text, lambda inner: st.lists(inner) | st.dictionaries(text, inner), max_leaves=20)


@given(values)
@example("\ud800")
def test_every_json_value_comes_back_equal(value):
    assert decode(encode("key", value)) == value


@pytest.mark.parametrize(
    ("value", "named"),
    [
        ({"when": datetime.date(2026, 1, 1)}, "date"),
        ({1, 2}, "set"),
        (b"bytes", "bytes"),
        (float("nan"), "float"),
        (object(), "object"),
        ({(1, 2): 3}, "dict"),
    ],
)
def test_what_json_cannot_carry_is_refused_with_its_key_and_type(value, named):
    with pytest.raises(NotCacheable, match=rf"^report:2026: .*{named}"):
        encode("report:2026", value)


def test_a_value_that_holds_itself_is_refused():
    value = []
    value.append(value)
    with pytest.raises(NotCacheable):
        encode("key", value)
