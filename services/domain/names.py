"""People's names: one normal form, the same for the API and an import."""

import unicodedata

#: In characters, after normalising.
MAX_NAME_LENGTH = 200

#: Control and format characters, lone surrogates, line and paragraph separators.
REFUSED_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
#: Format characters that names of some scripts need: the zero-width non-joiner and joiner.
JOINERS = "\u200c\u200d"


def normalise(value: str) -> str:
    """Trim `value` and compose it (Unicode NFC).

    Raises:
        ValueError: it is empty, longer than `MAX_NAME_LENGTH`, or has a character that no name has.
    """
    name = value.strip(" ")
    if not name.isascii() or not name.isprintable():
        name = _normalise_unicode(value)
    if not name.strip(JOINERS):
        raise ValueError("is empty")
    if len(name) > MAX_NAME_LENGTH:
        raise ValueError(f"is longer than {MAX_NAME_LENGTH} characters")
    return name


def _normalise_unicode(value: str) -> str:
    for character in value:
        if unicodedata.category(character) in REFUSED_CATEGORIES and character not in JOINERS:
            raise ValueError(f"has a character that is not allowed: U+{ord(character):04X}")
    return unicodedata.normalize("NFC", value).strip()
