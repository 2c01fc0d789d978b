"""The one table, as SQLAlchemy's documentation declares it."""

from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class Item(Base):
    __tablename__ = "items"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    email: Mapped[str]
    price: Mapped[int]

    def as_dict(self):
        return {"id": self.id, "name": self.name, "email": self.email, "price": self.price}
