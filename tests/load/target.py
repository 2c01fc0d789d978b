"""Where a load goes: this machine, and nowhere else."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class TargetRefused(ValueError):
    """The URL leads to another machine. Lead a port of this one there: `kubectl port-forward`, or a node port."""


@dataclass(frozen=True)
class Target:
    """The service's root URL and an API key with the scopes users:read, users:write and jobs.

    Raises:
        TargetRefused: the URL is not http on a loopback address.
    """

    url: str
    key: str = field(default="", repr=False)
    #: Sent as Host where the URL's own is another, for an Ingress.
    host: str = ""

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme != "http" or parts.hostname not in LOOPBACK:
            allowed = ", ".join(sorted(LOOPBACK))
            raise TargetRefused(f"{self.url} is not this machine: load goes to http:// at {allowed} only")

    def url_of(self, path: str) -> str:
        """The address of a path, which begins with /."""
        return self.url.rstrip("/") + path

    @property
    def headers(self) -> dict[str, str]:
        """What every request carries."""
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        return {**headers, "Host": self.host} if self.host else headers
