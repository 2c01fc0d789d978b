"""What cannot be read is refused where it is declared; what needs a server is in tests/integration/test_read.py."""

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from flask_scale import FlaskScale


class Base(DeclarativeBase):
    pass


class Item(Base):
    __tablename__ = "items"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


def test_an_entity_is_refused_since_rows_are_dicts_of_columns():
    with pytest.raises(TypeError, match="name the columns"):
        FlaskScale().read(select(Item))


def test_a_column_without_a_name_is_refused():
    with pytest.raises(TypeError, match="label"):
        FlaskScale().read(select(Item.id, func.row_number().over(order_by=Item.id)))
