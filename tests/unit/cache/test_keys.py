"""The same call has the same key, another call another, and every key is one that a cache takes."""

import datetime
import enum
import inspect

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_scale.cache.contract import MAX_KEY_BYTES, check_names
from flask_scale.cache.keys import call_key, safe_key

text = st.text(st.characters(exclude_categories=()))
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | text
arguments = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(text, inner), max_leaves=10)


def report(year, month=1, *rest, detail=None, **more): ...


def key(*args, **kwargs):
    return call_key(report, inspect.signature(report), args, kwargs)


def test_however_the_call_is_written_it_has_one_key():
    assert key(2026) == key(year=2026) == key(2026, 1) == key(month=1, year=2026, detail=None)
    assert key(2026, a=1, b=2) == key(2026, b=2, a=1)
    assert key({"a": 1, "b": 2}) == key({"b": 2, "a": 1})


def test_the_key_names_the_function_and_shows_the_arguments():
    assert key(2026).startswith(f"{__name__}.report:")
    assert '"year":2026' in key(2026)


@pytest.mark.parametrize("other", ["1", 1.0, True, [1], {"1": 1}, None])
def test_values_of_other_types_have_other_keys(other):
    assert key(other) != key(1)


def test_functions_of_one_name_in_other_places_have_other_keys():
    class Other:
        def report(year): ...

    assert call_key(Other.report, inspect.signature(Other.report), (1,), {}) != key(1)


@given(arguments, arguments)
def test_two_calls_share_a_key_only_where_their_arguments_are_the_same(one, other):
    assert (key(one) == key(other)) == (repr(_sorted(one)) == repr(_sorted(other)))


@given(arguments)
def test_every_key_is_short_and_printable(argument):
    made = key(argument)
    check_names(made)
    assert made.isascii()
    assert made.isprintable()


@given(text, text)
def test_a_key_made_safe_still_tells_keys_apart(one, other):
    assert (safe_key(one) == safe_key(other)) == (one == other)
    check_names(safe_key(one))


def test_a_short_plain_key_stays_as_it_is():
    assert safe_key("user:1") == "user:1"
    assert safe_key("x" * MAX_KEY_BYTES) == "x" * MAX_KEY_BYTES
    assert safe_key("x" * (MAX_KEY_BYTES + 1)).startswith("x" * 100 + "#")


class Colour(enum.StrEnum):
    RED = "red"


@pytest.mark.parametrize(
    ("argument", "type_name"),
    [
        (datetime.date(2026, 1, 1), "date"),
        ({1: "a"}, "dict"),
        ([{1, 2}], "set"),
        (Colour.RED, "Colour"),
        (object(), "object"),
    ],
)
def test_an_argument_that_makes_no_key_is_refused_with_the_remedy(argument, type_name):
    with pytest.raises(TypeError, match=rf"report: argument 'year' holds a {type_name}.*key="):
        key(argument)


def test_not_a_number_is_refused():
    with pytest.raises(TypeError, match="key="):
        key(float("nan"))


def test_arguments_that_the_function_does_not_take_are_refused_as_it_would():
    with pytest.raises(TypeError, match="missing a required argument: 'year'"):
        key(month=2)


def _sorted(value):
    """Dicts in one order and with their keys as text, so that `repr` compares types and contents."""
    if isinstance(value, dict):
        return {name: _sorted(value[name]) for name in sorted(value)}
    if isinstance(value, list):
        return [_sorted(item) for item in value]
    return value
