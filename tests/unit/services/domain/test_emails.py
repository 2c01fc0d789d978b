import pytest
from email_validator import SPECIAL_USE_DOMAIN_NAMES
from hypothesis import given
from hypothesis import strategies as st

from services.domain import emails

#: Pieces that sit on the edges of the everyday form.
ODD = st.sampled_from(["a", "Z", "0", "_", "+", "-", ".", "--", "xn--", "@", "'", " ", "\n", "ü", "İ", "ß", "\0"])
TEXT = st.lists(ODD | st.text("abcXYZ019.-_+", max_size=40), max_size=6).map("".join)
LABEL = st.text("abZ09-", min_size=1, max_size=66)
TOP = st.sampled_from(
    ["com", "ORG", "a", "test", "LOCAL", "localhost", "invalid", "onion", "arpa", "tests", "c0m", "123"]
)
ADDRESSES = st.one_of(
    st.tuples(TEXT, TEXT).map("@".join),
    st.tuples(TEXT, st.lists(LABEL, max_size=5), TOP).map(lambda it: f"{it[0]}@{'.'.join([*it[1], it[2]])}"),
    st.emails(),
    st.text(max_size=30),
)


def decided(decide, value):
    try:
        return decide(value)
    except ValueError:
        return "refused"


@given(ADDRESSES)
def test_the_fast_path_decides_as_the_slow_path(value):
    assert decided(emails.normalise, value) == decided(emails.normalise_by_validator, value.strip())


@pytest.mark.parametrize("length", [62, 63, 64, 65])
@pytest.mark.parametrize("labels", [1, 2, 3, 4])
def test_the_fast_path_has_the_slow_paths_limits_of_length(length, labels):
    domain = ".".join(["d" * (length - 1)] * labels) + ".com"
    address = f"{'l' * length}@{domain}"
    for value in (address, address[-254:], address[-255:], f"l@{domain}"):
        assert decided(emails.normalise, value) == decided(emails.normalise_by_validator, value)


@pytest.mark.parametrize("length", [63, 64, 65, 66])
def test_the_fast_path_has_the_slow_paths_limit_of_the_part_before_the_at_sign(length):
    address = f"{'l' * length}@example.org"
    assert decided(emails.normalise, address) == decided(emails.normalise_by_validator, address)


@pytest.mark.parametrize("name", [*SPECIAL_USE_DOMAIN_NAMES, "Test", "LOCALHOST", "tests", "example", "org"])
def test_the_fast_path_knows_every_reserved_name(name):
    for address in (f"ada@{name}", f"ada@example.{name}", f"ada@{name}.example"):
        assert decided(emails.normalise, address) == decided(emails.normalise_by_validator, address)


@given(ADDRESSES)
def test_a_normal_form_is_its_own_normal_form(value):
    normal = decided(emails.normalise, value)
    if normal != "refused":
        assert emails.normalise(normal) == normal
        assert "\0" not in normal
        assert normal.encode()


@pytest.mark.parametrize(
    ("value", "normal"),
    [
        ("Ada.Lovelace@Example.ORG", "ada.lovelace@example.org"),
        ("  ada@example.org ", "ada@example.org"),
        ("JÜRGEN@bücher.example", "jürgen@bücher.example"),
        ("a@xn--bcher-kva.example", "a@bücher.example"),
        ("u\u0308@example.org", "ü@example.org"),
        ("o'hara@example.org", "o'hara@example.org"),
    ],
)
def test_spellings_of_one_address_have_one_normal_form(value, normal):
    assert emails.normalise(value) == normal


@pytest.mark.parametrize(
    "value",
    [
        "",
        "ada",
        "@example.org",
        "ada@",
        "ada@localhost",
        "a b@example.org",
        "a@b@c.org",
        "\ud800@example.org",
        "a\0@b.org",
    ],
)
def test_what_is_no_address_is_refused_with_a_reason(value):
    with pytest.raises(ValueError, match=r"\w"):
        emails.normalise(value)
