"""What only an AsyncSession has."""

from common import MARKER, email
from models import Customer, Order
from sqlalchemy import select
from sqlalchemy.orm import selectinload

ON_LOOP = []


@ON_LOOP.append
async def async_streams(session):
    result = await session.stream(select(Customer.id, Customer.email, Customer.prefs).order_by(Customer.id))
    found = [[row async for row in result]]
    scalars = await session.stream_scalars(select(Order).order_by(Order.id).execution_options(yield_per=2))
    return [*found, [(order.card, order.amount, order.note) async for order in scalars]]


@ON_LOOP.append
async def async_objects(session):
    ann = (await session.scalars(select(Customer).where(Customer.email == email("ann")).options(selectinload(Customer.orders)))).one()
    ann.phone = f"{MARKER} async"
    ann.orders.append(Order(card=f"async {MARKER}", amount=2))
    await session.commit()
    await session.refresh(ann, ["phone", "orders"])
    return [ann, [(order.id, order.card, order.status) for order in ann.orders], await session.get(Customer, 3), await ann.awaitable_attrs.email
            if hasattr(ann, "awaitable_attrs") else None]


@ON_LOOP.append
async def async_transactions(session):
    async with session.begin_nested():
        session.add(Customer(name="a", email=email("a")))
    try:
        async with session.begin_nested():
            session.add(Customer(name="b", email=email("a")))
    except Exception as error:  # what is seen of it
        failure = error
    await session.commit()
    return [failure, (await session.execute(select(Customer.id, Customer.email).where(Customer.email == email("a")))).all()]
