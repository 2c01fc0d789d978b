"""gunicorn's logger, in the one format of the process."""

from typing import Any

from gunicorn.glogging import Logger


class Log(Logger):  # type: ignore[misc]
    """Leaves handlers, level and format to `flask_scale.logging.configure`; requests are logged there too."""

    def setup(self, cfg: Any) -> None:
        """Send what gunicorn says to the root logger."""
        self.cfg = cfg
        self._access_log_enabled = False
        for logger in (self.error_log, self.access_log):
            logger.handlers = []
            logger.propagate = True

    def access(self, resp: Any, req: Any, environ: Any, request_time: Any) -> None:
        """Nothing: the app's access log has the line."""
