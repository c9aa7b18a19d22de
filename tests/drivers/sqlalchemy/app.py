"""An application of SQLAlchemy, Core and ORM: `app.py URL psycopg | psycopg2 | asyncpg`.

With asyncpg the same cases run on an AsyncSession, and some more that only exist there.
"""

import asyncio
import pathlib
import sys

sys.path.insert(1, str(pathlib.Path(__file__).parent.parent / "python"))

import core  # noqa: F401 (registers its cases)
import orm  # noqa: F401
from common import CASES, attempt, report, show
from models import every_order, everybody
from on_loop import ON_LOOP
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session


def seed(session):
    session.execute(text("TRUNCATE customers, orders, events RESTART IDENTITY CASCADE"))
    for each in everybody():
        session.add(each)
        session.flush()
    for each in every_order():
        session.add(each)
        session.flush()
    session.commit()
    session.expunge_all()


def outcome(case, session):
    seed(session)
    # Objects are shown as they are now.
    result = show(attempt(case, session))
    session.rollback()
    return result


def blocking(url, cases):
    # One connection for all cases: statements get prepared and planned again, as in a pool.
    engine = create_engine(url, pool_size=1)
    for case in cases:
        with Session(engine, expire_on_commit=False) as session:
            report(case.__name__, outcome(case, session))


async def on_a_loop(url, cases):
    engine = create_async_engine(url, pool_size=1)
    for case in cases:
        async with AsyncSession(engine, expire_on_commit=False) as session:
            report(case.__name__, await session.run_sync(lambda sync, case=case: outcome(case, sync)))
    for case in ON_LOOP:
        async with AsyncSession(engine, expire_on_commit=False) as session:
            await session.run_sync(seed)
            try:
                result = show(await case(session))
            except Exception as error:  # every failure is a result here
                result = error
            report(case.__name__, result)
    await engine.dispose()


def main(url, driver, *only):
    target = make_url(url).set(drivername=f"postgresql+{driver}")
    cases = [case for case in CASES if not only or case.__name__ in only]
    if driver == "asyncpg":
        asyncio.run(on_a_loop(target, cases))
    else:
        blocking(target, cases)


if __name__ == "__main__":
    main(*sys.argv[1:])
