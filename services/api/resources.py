"""A resource: the blueprint of one folder, as every resource sets it up."""

from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from services.api.schemas import problems


def resource(name: str, description: str) -> APIBlueprint:
    """The blueprint of /v1/NAME. Every view in it needs `@needs(...)`; its docstring is what /docs shows.

    The problems that any operation may answer with are declared here, an operation adds its own.
    """
    return APIBlueprint(
        name,
        f"services.api.{name}",
        url_prefix=f"/v1/{name}",
        abp_tags=[Tag(name=name, description=description)],
        abp_security=[{"key": []}],
        abp_responses=problems(400, 401, 403, 422, 503),
    )
