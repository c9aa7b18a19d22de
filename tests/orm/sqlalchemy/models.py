"""The models, as an application of SQLAlchemy declares them. No word of encryption."""

import datetime
import decimal
import uuid
from typing import Optional

from sqlalchemy import CHAR, DateTime, ForeignKey, Identity, Numeric, String, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Base(DeclarativeBase):
    pass


def key():
    return mapped_column(Identity(), primary_key=True)


class Person(Base):
    __tablename__ = "people"

    id: Mapped[int] = key()
    name: Mapped[str] = mapped_column(String(80))
    email: Mapped[str] = mapped_column(String(120), unique=True)
    ssn: Mapped[Optional[str]] = mapped_column(CHAR(11))
    birth: Mapped[Optional[datetime.date]]
    salary: Mapped[Optional[decimal.Decimal]] = mapped_column(Numeric(10, 2))
    notes: Mapped[Optional[str]] = mapped_column(Text)
    badge: Mapped[Optional[int]] = mapped_column(unique=True)
    token: Mapped[Optional[uuid.UUID]] = mapped_column(Uuid)
    meta: Mapped[Optional[object]] = mapped_column(JSONB)
    seen: Mapped[Optional[datetime.datetime]] = mapped_column(DateTime(timezone=True))
    city: Mapped[str] = mapped_column(String(40), default="")
    active: Mapped[bool] = mapped_column(default=True)
    tags: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    created: Mapped[datetime.datetime] = mapped_column(
        DateTime(timezone=True), default=lambda: datetime.datetime(2024, 6, 1, tzinfo=datetime.timezone.utc)
    )
    contacts: Mapped[list["Contact"]] = relationship(
        back_populates="person", cascade="all, delete-orphan", order_by="Contact.id"
    )
    orders: Mapped[list["Order"]] = relationship(back_populates="person", order_by="Order.id")


class Contact(Base):
    __tablename__ = "contacts"

    id: Mapped[int] = key()
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str] = mapped_column(String(20))
    mail: Mapped[Optional[str]] = mapped_column(Text)
    phone: Mapped[Optional[str]] = mapped_column(String(30))
    comment: Mapped[Optional[str]] = mapped_column(Text)
    person: Mapped[Person] = relationship(back_populates="contacts")


class Order(Base):
    __tablename__ = "orders"

    id: Mapped[int] = key()
    person_id: Mapped[Optional[int]] = mapped_column(ForeignKey("people.id", ondelete="SET NULL"), index=True)
    number: Mapped[int] = mapped_column(unique=True)
    status: Mapped[str] = mapped_column(String(12))
    total: Mapped[decimal.Decimal] = mapped_column(Numeric(10, 2))
    placed: Mapped[datetime.datetime] = mapped_column(DateTime(timezone=True))
    card: Mapped[Optional[str]] = mapped_column(String(25))
    remark: Mapped[Optional[str]] = mapped_column(Text)
    person: Mapped[Optional[Person]] = relationship(back_populates="orders")
    lines: Mapped[list["OrderLine"]] = relationship(back_populates="order", order_by="OrderLine.id")


class Product(Base):
    __tablename__ = "products"

    id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True)
    sku: Mapped[str] = mapped_column(String(20), unique=True)
    label: Mapped[str] = mapped_column(String(80))
    price: Mapped[decimal.Decimal] = mapped_column(Numeric(10, 2))


class OrderLine(Base):
    __tablename__ = "order_lines"

    id: Mapped[int] = key()
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id", ondelete="CASCADE"))
    product_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("products.id"))
    quantity: Mapped[int]
    order: Mapped[Order] = relationship(back_populates="lines")
    product: Mapped[Product] = relationship()
