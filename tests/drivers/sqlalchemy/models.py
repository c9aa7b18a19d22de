"""The tables as an application declares them."""

import datetime as dt
import uuid
from decimal import Decimal

from common import COLUMNS, ORDERS, customers
from sqlalchemy import CHAR, BigInteger, DateTime, Double, ForeignKey, LargeBinary, Numeric, SmallInteger, String, Text, func, text
from sqlalchemy.dialects.postgresql import INET, JSON, JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Base(DeclarativeBase):
    def __repr__(self):
        """Of every column, without loading any."""
        values = {name: self.__dict__.get(name, "?") for name in self.__table__.columns.keys()}
        return f"{type(self).__name__}({values})"


class Customer(Base):
    __tablename__ = "customers"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    email: Mapped[str] = mapped_column(String(120), unique=True)
    ssn: Mapped[str | None] = mapped_column(CHAR(11))
    phone: Mapped[str | None] = mapped_column(Text)
    birth: Mapped[dt.date | None]
    balance: Mapped[Decimal] = mapped_column(Numeric(12, 2), default=Decimal(0))
    visits: Mapped[int | None]
    points: Mapped[int | None] = mapped_column(BigInteger)
    level: Mapped[int | None] = mapped_column(SmallInteger)
    vip: Mapped[bool | None]
    score: Mapped[float | None] = mapped_column(Double)
    seen: Mapped[dt.datetime | None] = mapped_column(DateTime(timezone=True))
    local_time: Mapped[dt.datetime | None]
    opens: Mapped[dt.time | None]
    token: Mapped[uuid.UUID | None]
    photo: Mapped[bytes | None] = mapped_column(LargeBinary)
    prefs: Mapped[object | None] = mapped_column(JSONB(none_as_null=True))
    raw: Mapped[object | None] = mapped_column(JSON(none_as_null=True))
    address: Mapped[str | None] = mapped_column(INET)
    created: Mapped[dt.datetime] = mapped_column(DateTime(timezone=True), server_default=text("'2024-01-01 00:00:00+00'"))
    orders: Mapped[list["Order"]] = relationship(back_populates="customer", order_by="Order.id", cascade="all, delete-orphan")


class Order(Base):
    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id", ondelete="CASCADE"))
    card: Mapped[str] = mapped_column(Text)
    amount: Mapped[Decimal] = mapped_column(Numeric(12, 2))
    status: Mapped[str] = mapped_column(Text, server_default="new")
    note: Mapped[str | None] = mapped_column(Text)
    customer: Mapped[Customer] = relationship(back_populates="orders")


class Event(Base):
    __tablename__ = "events"
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(Text)
    data: Mapped[dict | None] = mapped_column(JSONB)
    at: Mapped[dt.datetime | None] = mapped_column(DateTime(timezone=True), default=func.to_timestamp(0))


def everybody():
    """The rows of every application, as objects."""
    rows = [dict(zip(COLUMNS, row)) for row in customers(lambda value: value, lambda value: value)]
    for row in rows:
        row["address"] = row["address"] and str(row["address"])
    return [Customer(**row) for row in rows]


def every_order():
    return [Order(customer_id=who, card=card, amount=amount, status=status, note=note) for who, card, amount, status, note in ORDERS]
