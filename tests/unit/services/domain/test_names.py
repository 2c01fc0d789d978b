import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.domain import names


@given(st.text(max_size=250))
def test_a_normal_form_is_its_own_normal_form_and_postgresql_can_keep_it(value):
    try:
        name = names.normalise(value)
    except ValueError:
        return
    assert names.normalise(name) == name
    assert "\0" not in name
    assert name.encode()


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (" Ada Lovelace ", "Ada Lovelace"),
        ("Zoe\u0308", "Zoë"),
        ("\u00a0王\u3000", "王"),
        ("=1+1", "=1+1"),
        ("x" * 200,) * 2,
    ],
)
def test_a_name_is_trimmed_and_composed(value, name):
    assert names.normalise(value) == name


@pytest.mark.parametrize(
    "value",
    ["", "  ", "\u3000", "x" * 201, "a\0b", "a\nb", "é\x7f", "\ud800", "a\u2028b", "\u200b", "\u200d", "a\u202eb"],
)
def test_what_no_name_has_is_refused(value):
    with pytest.raises(ValueError, match=r"empty|longer|not allowed"):
        names.normalise(value)
