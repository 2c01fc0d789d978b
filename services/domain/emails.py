"""Email addresses: one normal form, the same for the API, a search and an import."""

import re
import unicodedata

from email_validator import EmailNotValidError, validate_email

#: In bytes of UTF-8, as mail carries it.
MAX_EMAIL_BYTES = 254

#: The everyday address, a conservative part of what `email_validator` takes: no label with "--"
#: (internationalised names are spelt so) and no name that is reserved. Its normal form is lower case.
#: tests/unit/services/domain/test_emails.py proves that it decides as the slow path does.
EVERYDAY = re.compile(
    r"(?=.{6,254}\Z)"
    r"(?=[^@]{1,64}@)[a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*"
    r"@(?!.*--)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+"
    r"(?!(?:arpa|invalid|local|localhost|onion|test)\Z)[a-z]{2,63}\Z",
    re.IGNORECASE | re.ASCII,
)


def normalise(value: str) -> str:
    """Give the one spelling of an address: trimmed, lower case, composed (NFC), its domain in Unicode.

    Two addresses are the same user's when their normal forms are equal. Looks up no DNS. Takes
    some 2 us for an everyday address, fifty times that for others.

    Raises:
        ValueError: it is not an email address; the message says why.
    """
    address = value.strip()
    if EVERYDAY.match(address):
        return address.lower()
    return normalise_by_validator(address)


def normalise_by_validator(value: str) -> str:
    """Do what `normalise` does, for every trimmed address there is.

    Lower case can change what the validator checks, so its result is checked once more.
    """
    once = fold(_validate(value))
    if fold(_validate(once)) != once:
        raise ValueError("has no stable spelling in lower case")
    return once


def _validate(value: str) -> str:
    try:
        return validate_email(value, check_deliverability=False, strict=True).normalized
    except EmailNotValidError as error:
        raise ValueError(str(error)) from None
    except UnicodeError:
        raise ValueError("is not text") from None


def fold(value: str) -> str:
    """Lower case, composed: how a part of an address is spelt in its normal form."""
    return unicodedata.normalize("NFC", value.lower())
