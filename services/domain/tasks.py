"""The task contracts: what the API may ask of the worker. Handlers live in `services/worker`."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel

from services.domain.scale import scale

#: What an import does with a row whose user is there already.
OnConflict = Literal["skip", "update", "fail"]


class ImportArgs(BaseModel):
    """A CSV file to read into the directory."""

    file_id: UUID
    on_conflict: OnConflict = "skip"


class ExportArgs(BaseModel):
    """Which users to write to a file."""

    country: str | None = None
    created_from: datetime | None = None
    created_to: datetime | None = None


#: An attempt that was killed left its checkpoint behind, so even many get the import done.
import_users = scale.declare_task("users.import", args=ImportArgs, timeout=3600, max_attempts=20)
export_users = scale.declare_task("users.export", args=ExportArgs, timeout=3600)
