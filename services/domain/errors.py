"""Every error that the directory raises, as one tree.

DirectoryError
├── EmailTaken        another user has this email
├── UserNotFound
├── VersionMismatch   the user was changed since it was read
├── ApiKeyNotFound
├── RangeTooLong      a statistic was asked for over too many buckets
├── NotGzip
├── UnpacksTooLarge   a gzip bomb, or simply too much
├── NotAnImport       a file that no user can be read from
├── ImportConflict    an import with on_conflict=fail met a user who is there already
└── FileGone          removed, or its time is over
"""


class DirectoryError(Exception):
    """The root: catch it to catch all that the domain raises."""


class EmailTaken(DirectoryError):
    """Another user has this email. Read that one, or choose another email."""


class UserNotFound(DirectoryError):
    """No user has this id."""


class VersionMismatch(DirectoryError):
    """The user was changed since it was read. Read it again, then repeat the change."""


class ApiKeyNotFound(DirectoryError):
    """No API key has this id, or it is revoked already."""


class RangeTooLong(DirectoryError):
    """The range has more buckets than one answer holds. Ask for a shorter range or a longer interval."""


class NotGzip(DirectoryError):
    """The bytes are not gzip, or end too early."""


class UnpacksTooLarge(DirectoryError):
    """The bytes unpack to more than is allowed, in all or compared with their packed size."""


class NotAnImport(DirectoryError):
    """No user can be read from the file: it is empty, or its header is wrong. Correct it and send it again."""


class ImportConflict(DirectoryError):
    """A row's user is there already, or twice in the file, and the import said on_conflict=fail: it adds nobody."""

    def __init__(self, line: int, email: str) -> None:
        super().__init__(f"line {line}: {email} is in the directory already, or twice in the file; nobody was imported")
        self.line = line
        self.email = email


class FileGone(DirectoryError):
    """The file was removed, or its time is over. Make a new one."""
