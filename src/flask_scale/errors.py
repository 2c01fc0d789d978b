"""Every error that flask_scale raises, as one tree.

FlaskScaleError
├── SettingsError            a setting is wrong, unknown or unsafe
├── AppNotFound              "module:app" names no Flask app
├── NotConfigured            a part was used whose setting is absent
├── DevStackError            a part of `flask-scale dev` cannot run
├── FailpointError           a fault that a test asked for
├── CacheError
│   ├── CacheUnavailable     no answer within the timeout
│   ├── KeyTooLong
│   └── NotCacheable         a value that JSON cannot carry
└── JobError
    ├── TaskError            a task is declared twice, unknown, or given arguments it does not take
    ├── JobNotFound
    ├── JobStateError        the job's state does not allow the change
    ├── LeaseLost            another attempt owns the job: stop, write nothing
    ├── JobCancelled         someone asked the job to stop
    ├── JobTimeout           the attempt used up its time limit
    ├── JobReleased          the Celery worker ends: the job goes on elsewhere
    ├── PermanentJobError    raised by a handler whose job no retry can help
    └── IdempotencyError
        ├── IdempotencyMismatch      the key was used with another payload
        └── IdempotencyInProgress    the first request with the key has not finished
"""


class FlaskScaleError(Exception):
    """The root: catch it to catch all that this library raises."""


class SettingsError(FlaskScaleError):
    """A setting is wrong. The message is one line that names the setting and the remedy."""


class AppNotFound(FlaskScaleError):
    """The app could not be loaded. Check the `module:app` or `module:create_app()` that you gave."""


class NotConfigured(FlaskScaleError):
    """A part was used that is off. Set the setting that the message names."""


class DevStackError(FlaskScaleError):
    """A part of the development stack cannot run. The message says which, and where its log is."""


class FailpointError(FlaskScaleError):
    """A fault that a test asked for, or one that it cannot have. Production never meets it."""


class CacheError(FlaskScaleError):
    """The root of the cache's errors."""


class CacheUnavailable(CacheError):
    """The cache did not answer within its timeout.

    A caller treats it as a miss and counts it; it never reaches a client. If you see it
    often, compare `cache_timeout_seconds` with the latency that `flask-scale doctor` shows.
    """


class KeyTooLong(CacheError):
    """The key is longer than the contract allows. Hash its variable part."""


class NotCacheable(CacheError):
    """The value cannot be kept as JSON. Return dicts, lists, strings, numbers, booleans or None."""


class JobError(FlaskScaleError):
    """The root of the jobs' errors."""


class TaskError(JobError):
    """A task is declared twice, is unknown, or was given arguments that it does not take."""


class JobNotFound(JobError):
    """No job has this id, or it belongs to another owner."""


class JobStateError(JobError):
    """The job's state does not allow the change. Read the job again before you retry."""


class LeaseLost(JobError):
    """Another attempt owns the job now. Stop and write nothing: the other attempt goes on."""


class JobCancelled(JobError):
    """Someone asked the job to stop. Clean up and let it propagate."""


class JobTimeout(JobError):
    """The attempt used up its time limit. Raise the task's `timeout`, or commit in smaller steps."""


class JobReleased(JobError):
    """The Celery worker ends. Let it propagate: the job goes on elsewhere, and the attempt does not count."""


class PermanentJobError(JobError):
    """Raise it in a handler when no retry can help: the job is dead at once, with your message."""


class IdempotencyError(JobError):
    """The root of the Idempotency-Key errors."""


class IdempotencyMismatch(IdempotencyError):
    """The key was used before with another payload. Use a new key (HTTP 422)."""


class IdempotencyInProgress(IdempotencyError):
    """The first request with this key has not finished. Retry after a second (HTTP 409)."""
