"""Why the app could not be loaded: told by the first gunicorn worker that failed, printed by the master."""

import mmap
import traceback

from flask_scale.errors import FlaskScaleError

SIZE = 4096


class StartFailure:
    """One line in memory that the master shares with the processes it forks; the first line stays."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, SIZE)

    def tell(self, line: str) -> None:
        """Write the line, unless another process has written one."""
        if not self.line:
            self._memory[:] = line.encode()[: SIZE - 1].ljust(SIZE, b"\0")

    @property
    def line(self) -> str:
        """What was told, or an empty string."""
        return self._memory[:].rstrip(b"\0").decode(errors="replace")


def describe(name: str, error: BaseException) -> str:
    """One line that says what is wrong with the app `name`, and where."""
    if isinstance(error, FlaskScaleError):
        return str(error)
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({frames[-1].filename}:{frames[-1].lineno})" if frames else ""
    what = " ".join(str(error).split())
    return f"cannot load {name!r}: {type(error).__name__}: {what}{place}; FLASK_SCALE_LOG_LEVEL=DEBUG shows more"
