"""A failed attempt in words that fit a table: type, message and the end of its traceback."""

import traceback

from sqlalchemy.exc import DBAPIError

LONGEST_MESSAGE = 2_000
LONGEST_TRACEBACK = 8_000


def describe(error: BaseException) -> dict[str, str]:
    """{"type", "message", "traceback"} of any exception, also of one whose `str` fails."""
    try:
        # SQLAlchemy adds the statement and more to what the database said; this text reaches the job's owner.
        message = str(error.orig if isinstance(error, DBAPIError) else error)
    except Exception:
        message = "(the exception has no readable message)"
    try:
        trace = "".join(traceback.format_exception(error))
    except Exception:
        trace = ""
    return {
        "type": type(error).__name__,
        "message": _clean(message)[:LONGEST_MESSAGE],
        "traceback": _clean(trace)[-LONGEST_TRACEBACK:],
    }


def _clean(text: str) -> str:
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode("utf-8")
