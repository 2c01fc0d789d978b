"""Which app answers: decided by the listener that accepted the connection, never by a header."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from gunicorn.util import parse_address

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

#: In the environ of a plain request: the address of its listener.
LISTENER = "flask_scale.listener"

WILDCARDS = ("0.0.0.0", "::")  # noqa: S104


class InternalListener:
    """Tells the connections of the internal listener from all others."""

    def __init__(self, name: tuple[Any, ...]) -> None:
        self._host, self._port = name[0], name[1]

    def accepted(self, connection: Any) -> bool:
        """Whether this listener accepted `connection`: a connection's own address is its listener's."""
        return self.is_named(connection.getsockname())

    def is_named(self, name: Any) -> bool:
        """Whether `name`, a socket's own address, is one of this listener's."""
        return isinstance(name, tuple) and name[1] == self._port and self._host in (*WILDCARDS, name[0])


class ByListener:
    """WSGI app: the internal app for what came in at the internal listener, the public app for the rest."""

    def __init__(self, public: "WSGIApplication", internal: "WSGIApplication", listener: InternalListener) -> None:
        self.public = public
        self._internal = internal
        self._listener = listener

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        name = environ.get(LISTENER)
        accepted = self._listener.is_named(name) if name else self._listener.accepted(environ["gunicorn.socket"])
        app = self._internal if accepted else self.public
        return app(environ, start_response)


def find_internal(bind: str, addresses: list[Any], sockets: list[Any]) -> InternalListener | None:
    """The listener among `sockets` that was opened for `bind`; `addresses` has their order.

    None where gunicorn was told to bind other addresses.
    """
    address = parse_address(bind)
    if address not in addresses:
        return None
    return InternalListener(sockets[addresses.index(address)].getsockname())
