"""nginx's own account of which pod answered."""

import json
from collections import Counter
from datetime import UTC, datetime

from support.release import Release

#: What nginx notes of a pod that was asked, or of none.
NO_ANSWER = ("", "-", "502", "504")


class AccessLog:
    """What a release's nginx pods log from the moment this is made."""

    def __init__(self, release: Release) -> None:
        self._release = release
        self._since = datetime.now(UTC).replace(microsecond=0)

    def lines(self) -> list[dict[str, object]]:
        """Every proxied request so far, oldest first."""
        found: list[dict[str, object]] = []
        for pod in self._release.pods("nginx"):
            since = f"--since-time={self._since.isoformat()}"
            text = self._release.namespace.kubectl("logs", pod.metadata.name, since)
            lines = (json.loads(line) for line in text.splitlines() if line.startswith('{"time"'))
            found += [{"nginx": pod.metadata.name, **line} for line in lines]
        return sorted(found, key=lambda line: str(line["time"]))

    def _answered(self) -> list[dict[str, object]]:
        return [line for line in self.lines() if str(line["upstream_status"]).rpartition(", ")[2] not in NO_ANSWER]

    def answers(self, after: datetime | None = None) -> Counter[str]:
        """How many requests each pod answered, by its address; `after` a moment, to the second."""
        return Counter(
            api_address(line)
            for line in self._answered()
            if after is None or datetime.fromisoformat(str(line["time"])) > after
        )

    def first_answers(self) -> dict[tuple[str, str], datetime]:
        """When each nginx pod first had an answer of an API pod, by (name of the one, address of the other)."""
        found: dict[tuple[str, str], datetime] = {}
        for line in self._answered():
            pair = (str(line["nginx"]), api_address(line))
            found.setdefault(pair, datetime.fromisoformat(str(line["time"])))
        return found


def api_address(line: dict[str, object]) -> str:
    """The address of the pod that gave the answer: the last one, where nginx asked several."""
    return str(line["upstream"]).rpartition(", ")[2].rpartition(":")[0]
