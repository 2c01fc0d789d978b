"""The user directory's tables.

Text that is searched by prefix is collated "C": one index then serves equality, prefix and page order.
"""

from datetime import date, datetime
from uuid import UUID, uuid4

from sqlalchemy import ARRAY, BigInteger, ForeignKey, Identity, Index, LargeBinary, MetaData, Text, func
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import DateTime


class Base(DeclarativeBase):
    """The root of the tables. Times are kept with their zone, in UTC."""

    metadata = MetaData(
        naming_convention={
            "pk": "pk_%(table_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ix": "ix_%(table_name)s_%(column_0_name)s",
        }
    )
    type_annotation_map = {datetime: DateTime(timezone=True), str: Text, list[str]: ARRAY(Text)}


class User(Base):
    """A person in the directory. `email` is kept in the normal form that `emails.normalise` gives."""

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    email: Mapped[str] = mapped_column(Text(collation="C"))
    name: Mapped[str]
    #: ISO 3166-1 alpha-2, upper case.
    country: Mapped[str] = mapped_column(Text(collation="C"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
    #: Raised by each write; the ETag.
    version: Mapped[int] = mapped_column(server_default="1")


Index("idx_user_email", User.email, unique=True)
Index("idx_user_country_email", User.country, User.email)
Index("idx_user_name", func.lower(User.name).collate("C"), User.email)
Index("idx_user_country_name", User.country, func.lower(User.name).collate("C"), User.email)
Index("idx_user_created_at", User.created_at)

#: PostgreSQL does not say the collation of an expression in an index, so autogenerate cannot compare these.
NOT_COMPARED = frozenset({"idx_user_name", "idx_user_country_name"})


class ApiKey(Base):
    """An access key. Only the SHA-256 of its 256 random bits is kept."""

    __tablename__ = "api_keys"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    name: Mapped[str]
    hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    scopes: Mapped[list[str]]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    last_used_on: Mapped[date | None]


class File(Base):
    """An uploaded import or a finished export. API and worker share no disk, so its bytes are in `file_chunks`."""

    __tablename__ = "files"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    #: The job that reads or wrote it; no foreign key, the jobs table is the library's.
    job_id: Mapped[UUID | None] = mapped_column(index=True)
    name: Mapped[str]
    content_type: Mapped[str]
    #: Bytes in all chunks.
    size: Mapped[int] = mapped_column(BigInteger, server_default="0")
    sha256: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime | None] = mapped_column(index=True)


class FileChunk(Base):
    """`FILE_CHUNK_BYTES` of a file, but for the last."""

    __tablename__ = "file_chunks"

    file_id: Mapped[UUID] = mapped_column(ForeignKey("files.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    data: Mapped[bytes] = mapped_column(LargeBinary)


class ImportRefusal(Base):
    """A row of an import that was refused, and why."""

    __tablename__ = "import_refusals"

    job_id: Mapped[UUID] = mapped_column(primary_key=True)
    #: Line of the file on which the row begins, from 1.
    line: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    column: Mapped[str]
    #: The value, cut short.
    value: Mapped[str]
    reason: Mapped[str]


class HeldRow(Base):
    """A good row of an import with on_conflict=fail, kept apart until the whole file is free of conflicts."""

    __tablename__ = "import_held_rows"

    job_id: Mapped[UUID] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)
    name: Mapped[str]
    country: Mapped[str]
    created_at: Mapped[datetime | None]
    line: Mapped[int] = mapped_column(BigInteger)
