"""The merged log: what the parts write to their files, with the part's name before each line."""

import itertools
from pathlib import Path

import click

COLOURS = ("cyan", "green", "magenta", "yellow", "blue", "bright_cyan", "bright_green", "bright_magenta")

#: Lines of a log that explain a failure.
END_LINES = 15

#: Width of the column of names.
WIDTH = 11


class MergedLog:
    """Shows new lines of every followed file. The parts write the files themselves, and so never wait for us."""

    def __init__(self) -> None:
        self._followed: list[FollowedFile] = []
        self._colours = itertools.cycle(COLOURS)

    def say(self, text: str, *, error: bool = False) -> None:
        """A line of our own."""
        self.flush()
        click.echo(_prefix("flask-scale", "red" if error else "white") + text, err=error)

    def follow(self, name: str, file: Path) -> None:
        """Show what is written to `file` from now on, as `name`'s."""
        self._followed.append(FollowedFile(file, _prefix(name, next(self._colours))))

    def flush(self) -> None:
        """Show the lines that came since the last call."""
        for followed in self._followed:
            for line in followed.new_lines():
                click.echo(followed.prefix + line)

    def unseen_end(self, file: Path) -> list[str]:
        """The last lines of a log, to explain a failure; none where the log was shown anyway."""
        self.flush()
        if any(followed.file == file for followed in self._followed) or not file.exists():
            return []
        return file.read_text(encoding="utf-8", errors="replace").splitlines()[-END_LINES:]


class FollowedFile:
    """A growing text file, read line by line as lines become whole."""

    def __init__(self, file: Path, prefix: str) -> None:
        self.file = file
        self.prefix = prefix
        self._position = 0
        self._rest = b""

    def new_lines(self) -> list[str]:
        """The lines that are whole by now."""
        if not self.file.exists() or self.file.stat().st_size <= self._position:
            return []
        with self.file.open("rb") as stream:
            stream.seek(self._position)
            *lines, self._rest = (self._rest + stream.read()).split(b"\n")
            self._position = stream.tell()
        return [line.decode(errors="replace") for line in lines]


def _prefix(name: str, colour: str) -> str:
    return click.style(f"{name:<{WIDTH}} | ", fg=colour)
