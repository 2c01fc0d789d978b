"""A failed attempt in words that fit a table: type, message and the end of its traceback."""

import signal
import traceback

from sqlalchemy.exc import StatementError

#: What billiard makes of SIGTERM: a SystemExit with this code.
SIGTERM_CODE = -(256 - signal.SIGTERM)

LONGEST_MESSAGE = 2_000
LONGEST_TRACEBACK = 8_000


def describe(error: BaseException) -> dict[str, str]:
    """{"type", "message", "traceback"} of any exception, also of one whose `str` fails."""
    try:
        # SQLAlchemy adds the statement and more to what the database said; this text reaches the job's owner.
        message = _words(error) or str((isinstance(error, StatementError) and error.orig) or error)
    except Exception:
        message = "(the exception has no readable message)"
    try:
        trace = "".join(traceback.format_exception(error))
    except Exception:
        trace = ""
    return {
        "type": type(error).__name__,
        "message": _clean(message)[:LONGEST_MESSAGE] or "(without a message)",
        "traceback": _clean(trace)[-LONGEST_TRACEBACK:],
    }


def _words(error: BaseException) -> str:
    """What an exception says that has no words of its own, or none that fit a job."""
    if isinstance(error, SystemExit) and error.code == SIGTERM_CODE:
        return "its process got SIGTERM, though its Celery worker did not"
    if isinstance(error, SystemExit):
        return f"the handler ended its process: sys.exit({error.code!r})"
    if isinstance(error, MemoryError) and not str(error):
        return "the job took more memory than it may have"
    return ""


def _clean(text: str) -> str:
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode("utf-8")
