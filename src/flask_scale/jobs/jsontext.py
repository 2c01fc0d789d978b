"""JSON in and out of the jobs table.

The columns are of type `json`, which keeps the text as it is: NUL and lone surrogates, which `jsonb`
refuses, stay escaped and come back as they went in.
"""

import json
from typing import Any


def dump(value: Any) -> str:
    """`value` as JSON text in ASCII.

    Raises:
        TypeError, ValueError: JSON cannot carry it (NaN and infinity included).
        RecursionError: it is nested too deeply.
    """
    return json.dumps(value, allow_nan=False, separators=(",", ":"))
