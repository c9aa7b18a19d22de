"""SQLAlchemy's cases over psycopg 3, psycopg2 or asyncpg (the environment variable DRIVER)."""

import asyncio
import os
import pathlib
import sys

sys.path.insert(1, str(pathlib.Path(__file__).parent.parent))

import report
import reading  # noqa: F401 (registers its cases)
import writing  # noqa: F401
from models import Base
from sqlalchemy import URL, create_engine
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session

DRIVER = os.environ.get("DRIVER", "psycopg")


def url(target, driver=DRIVER):
    return URL.create(
        f"postgresql+{driver}", target["user"], target["password"], target["host"], int(target["port"]), target["dbname"]
    )


def create(target):
    engine = create_engine(url(target, "psycopg"))
    Base.metadata.create_all(engine)


def outcome(function, session):
    try:
        return function(session)
    except Exception as error:  # every failure is a result here
        session.rollback()
        return error


def run(target, names):
    # One connection for all cases: statements get prepared and planned again, as in a pool.
    engine = create_engine(url(target), pool_size=1)
    for name in names or list(report.CASES):
        raw = engine.raw_connection()
        raw.cursor().execute(report.seed(name))
        raw.commit()
        raw.close()
        with Session(engine) as session:
            yield name, outcome(report.CASES[name], session)
    engine.dispose()


async def run_async(target, names):
    engine = create_async_engine(url(target), pool_size=1)
    for name in names or list(report.CASES):
        async with engine.connect() as connection:
            raw = await connection.get_raw_connection()
            await raw.driver_connection.execute(report.seed(name))
        async with AsyncSession(engine) as session:
            yield name, await session.run_sync(lambda sync, name=name: outcome(report.CASES[name], sync))
    await engine.dispose()


def run_on_loop(target, names):
    async def collect():
        return [each async for each in run_async(target, names)]

    return asyncio.run(collect())


if __name__ == "__main__":
    report.main(create, run_on_loop if DRIVER == "asyncpg" else run)
