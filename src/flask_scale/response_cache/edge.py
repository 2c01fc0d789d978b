"""What nginx in front may keep: nothing that it would give to the wrong client.

nginx keeps what `s-maxage` says, an entry for each encoding. It knows neither a Vary (its own would count every
spelling of Accept-Encoding) nor that `max-age` alone means no shared cache where a request has credentials. So a
response that does not say `s-maxage`, or that varies by more than the encoding, carries X-Accel-Expires: 0, which
nginx obeys before all else and takes away.
"""

from typing import TYPE_CHECKING, Any

from flask_scale.cache.stored import Headers
from flask_scale.response_cache.storing import directives, vary_of
from flask_scale.settings import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

NOT_AT_THE_EDGE = ("X-Accel-Expires", "0")


def control(settings: Settings, *, public: bool) -> str:
    """Cache-Control of a response in front of Flask that is silent: others may keep it, and ask whether it is right.

    With `cache_edge_seconds`, and where the app says that anybody may have it (`public`), a shared cache need not ask
    for so long, and for as long again while it asks. nginx gives it to those with credentials too.
    """
    seconds = settings.cache_edge_seconds
    if not seconds or not public:
        return "public, no-cache"
    stale = int(settings.cache_stale_seconds)
    return f"public, max-age=0, s-maxage={seconds}, stale-while-revalidate={seconds}, stale-if-error={stale}"


def marked(headers: Headers) -> Headers:
    """The headers, with a word to nginx where it must not keep the response."""
    told = directives(value for name, value in headers if name.lower() == "cache-control")
    if "s-maxage" in told and not vary_of(headers):
        return headers
    return [*headers, NOT_AT_THE_EDGE]


def guarded(start_response: "StartResponse") -> "StartResponse":
    """`start_response` with marked headers."""

    def start(status: str, headers: Headers, *rest: Any) -> Any:
        return start_response(status, marked(headers), *rest)

    return start
