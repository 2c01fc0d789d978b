"""Every error that the directory raises, as one tree.

DirectoryError
├── EmailTaken        another user has this email
├── UserNotFound
├── VersionMismatch   the user was changed since it was read
├── ApiKeyNotFound
├── RangeTooLong      a statistic was asked for over too many buckets
├── NotGzip
└── UnpacksTooLarge   a gzip bomb, or simply too much
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
