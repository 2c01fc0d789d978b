"""flask-scale: takes a Flask app to high traffic on Kubernetes."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flask_scale.extension import FlaskScale

__version__ = "0.1.0"
__all__ = ["FlaskScale", "__version__"]


def __getattr__(name: str) -> Any:
    """Load FlaskScale at first use, so that `flask-scale serve` can patch the process before it."""
    if name != "FlaskScale":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from flask_scale.extension import FlaskScale

    return FlaskScale
