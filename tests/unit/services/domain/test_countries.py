import pytest

from services.domain import countries


def test_the_249_assigned_codes_are_known():
    assert len(countries.CODES) == 249


@pytest.mark.parametrize(
    ("value", "code"), [("de", "DE"), (" Br ", "BR"), ("XK", None), ("ZZ", None), ("DEU", None), ("", None)]
)
def test_a_code_is_known_in_either_case_and_others_are_refused(value, code):
    if code:
        assert countries.normalise(value) == code
    else:
        with pytest.raises(ValueError, match="ISO 3166-1"):
            countries.normalise(value)
