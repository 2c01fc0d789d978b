"""Names are bounded in bytes, however they are spelled."""

import pytest

from flask_scale.cache.contract import MAX_KEY_BYTES, check_names
from flask_scale.errors import KeyTooLong


@pytest.mark.parametrize("letter", ["x", "é", "€", "\U0001f600", "\ud800"])
def test_the_longest_name_passes_and_one_letter_more_is_refused(letter):
    most = MAX_KEY_BYTES // len(letter.encode("utf-8", "surrogatepass"))
    check_names(letter * most)
    with pytest.raises(KeyTooLong, match="hash its variable part"):
        check_names("short", letter * (most + 1))
