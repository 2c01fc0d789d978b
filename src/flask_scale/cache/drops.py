"""What is to be dropped: as a message between processes, and as a debt to a server that did not answer."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

#: Drops remembered at most while the server is away; the oldest go first, and end by their TTL.
MAX_OWED = 10_000


@dataclass(frozen=True, slots=True)
class Drops:
    """Keys and tags to drop."""

    keys: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.keys or self.tags)

    def message(self) -> bytes:
        """As published to every process."""
        return json.dumps({"keys": self.keys, "tags": self.tags}).encode()

    @classmethod
    def of(cls, message: bytes) -> Self:
        """As received."""
        fields = json.loads(message)
        return cls(tuple(fields["keys"]), tuple(fields["tags"]))


class Owed:
    """Drops that the server has not confirmed. Kept in this process only."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._names: dict[tuple[str, str], None] = {}

    def add(self, drops: Drops) -> None:
        names = [("key", key) for key in drops.keys] + [("tag", tag) for tag in drops.tags]
        with self._lock:
            self._names.update(dict.fromkeys(names))
            while len(self._names) > MAX_OWED:
                del self._names[next(iter(self._names))]

    @contextmanager
    def taken(self) -> Iterator[Drops]:
        """All that is owed; owed again where the block raises."""
        if not self._names:
            yield Drops()
            return
        with self._lock:
            names, self._names = self._names, {}
        drops = Drops(
            tuple(name for kind, name in names if kind == "key"), tuple(name for kind, name in names if kind == "tag")
        )
        try:
            yield drops
        except BaseException:
            self.add(drops)
            raise
