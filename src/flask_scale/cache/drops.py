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
    """Keys and tags to drop, and leases (key and token) that nobody holds."""

    keys: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    leases: tuple[tuple[str, str], ...] = ()
    #: Under this name whoever heard of it says so.
    receipt: str = ""

    def __bool__(self) -> bool:
        return bool(self.keys or self.tags or self.leases)

    def message(self) -> bytes:
        """The keys and tags as published to every process."""
        return json.dumps({"keys": self.keys, "tags": self.tags, "receipt": self.receipt}).encode()

    @classmethod
    def of(cls, message: bytes) -> Self:
        """As received."""
        fields = json.loads(message)
        # Without a receipt: from a process of a version before it.
        return cls(tuple(fields["keys"]), tuple(fields["tags"]), receipt=fields.get("receipt", ""))


class Owed:
    """Drops that the server has not confirmed. Kept in this process only."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._drops: dict[Drops, None] = {}

    def add(self, drops: Drops) -> None:
        """Remember to make up for `drops`."""
        with self._lock:
            self._drops[drops] = None
            while len(self._drops) > MAX_OWED:
                del self._drops[next(iter(self._drops))]

    @contextmanager
    def taken(self) -> Iterator[Drops]:
        """All that is owed; owed again where the block raises."""
        if not self._drops:
            yield Drops()
            return
        with self._lock:
            taken, self._drops = self._drops, {}
        try:
            yield Drops(
                tuple(key for drops in taken for key in drops.keys),
                tuple(tag for drops in taken for tag in drops.tags),
                tuple(lease for drops in taken for lease in drops.leases),
            )
        except BaseException:
            for drops in taken:
                self.add(drops)
            raise
