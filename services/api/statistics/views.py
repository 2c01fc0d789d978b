"""/v1/statistics"""

from flask import Response

from services.api.access import needs
from services.api.conditional import content_tag, with_tag
from services.api.resources import resource
from services.api.schemas import NoneMatchHeaders
from services.api.statistics.schemas import SignUps, SignUpsQuery
from services.domain import statistics

#: Cache-Status (RFC 9211) by what the cache had.
CACHE_STATUS = {"hit": "hit", "stale": "fwd=stale", "miss": "fwd=miss; stored"}

blueprint = resource("statistics", "Counted over all users; cached.")


@blueprint.get("/sign-ups", responses={200: SignUps, 304: None})
@needs("users:read")
def read_sign_ups(query: SignUpsQuery, header: NoneMatchHeaders) -> Response:
    """Count sign-ups by day, week or month

    Up to some minutes old: `Cache-Status` says whether it was computed now (`fwd=miss`), remembered (`hit`), or
    is being computed again while the one before is served (`fwd=stale`).
    """
    first, last = query.days()
    buckets, freshness = statistics.sign_ups(first, last, query.interval, query.country)
    body = SignUps.model_validate(
        {
            "from": first,
            "to": last,
            "interval": query.interval,
            "country": query.country,
            "total": sum(bucket["count"] for bucket in buckets),
            "buckets": buckets,
        }
    )
    response = body.response(headers={"Cache-Status": f"user-directory; {CACHE_STATUS[freshness]}"})
    return with_tag(response, content_tag(response.get_data()))
