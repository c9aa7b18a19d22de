//! Transactions, errors, statements that outlive DDL, notifications, pools.

use std::time::Duration;

use chrono::NaiveDate;
use futures_util::future::join_all;
use pgveil_driver_tests::{MARKER, mail};
use serde_json::json;
use sqlx::{
    Acquire, AssertSqlSafe, Postgres, Row,
    postgres::{PgAdvisoryLock, PgArguments, PgListener, PgPoolOptions},
    query::Query,
};

use crate::{
    App, Outcome, rows,
    writing::{birth, decimal},
};

fn short(app: &App, name: &'static str, email: &str) -> Query<'static, Postgres, PgArguments> {
    app.sql("INSERT INTO customers (name, email, visits, balance) VALUES ($1, $2, $3, 0)")
        .bind(name)
        .bind(mail(email))
        .bind(1_i32)
}

pub async fn transactions(app: &App) -> Outcome {
    let mut transaction = app.pool.begin().await?;
    app.note("insert", short(app, "Tx", "tx").execute(&mut *transaction).await.map(|done| done.rows_affected()));
    app.query_on("inside", &mut *transaction, app.sql("SELECT email FROM customers WHERE name = 'Tx'")).await;
    transaction.rollback().await?;
    app.query("gone", app.sql("SELECT email FROM customers WHERE name = 'Tx'")).await;
    let mut transaction = app.pool.begin().await?;
    app.note("insert", short(app, "Tx", "tx").execute(&mut *transaction).await.map(|done| done.rows_affected()));
    app.query_on("fails", &mut *transaction, app.sql("SELECT 1/0")).await;
    app.query_on("aborted", &mut *transaction, app.sql("SELECT email FROM customers")).await;
    app.note("commit", transaction.commit().await.map(|()| true));
    app.query("gone", app.sql("SELECT email FROM customers WHERE name = 'Tx'")).await;
    let mut transaction = app.pool.begin_with("BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY").await?;
    app.note("read only", short(app, "Tx", "tx").execute(&mut *transaction).await.map(|done| done.rows_affected()));
    drop(transaction);
    app.exec("after a drop", short(app, "Tx", "tx")).await;
    Ok(())
}

pub async fn savepoints(app: &App) -> Outcome {
    let mut outer = app.pool.begin().await?;
    app.note("outer", short(app, "Outer", "outer").execute(&mut *outer).await.map(|done| done.rows_affected()));
    let mut inner = outer.begin().await?;
    app.note("violation", short(app, "Inner", "outer").execute(&mut *inner).await.map(|done| done.rows_affected()));
    inner.rollback().await?;
    let mut inner = outer.begin().await?;
    app.note("inner", short(app, "Inner", "inner").execute(&mut *inner).await.map(|done| done.rows_affected()));
    inner.commit().await?;
    outer.commit().await?;
    app.query("committed", app.sql("SELECT name, email FROM customers WHERE name IN ('Outer', 'Inner') ORDER BY id"))
        .await;
    Ok(())
}

pub async fn constraints(app: &App) -> Outcome {
    app.exec("unique", short(app, "Again", "bob")).await;
    app.exec(
        "not null",
        app.sql("INSERT INTO customers (name, email, balance) VALUES ('Null', $1, 0)").bind(None::<String>),
    )
    .await;
    app.exec(
        "foreign key",
        app.sql("INSERT INTO orders (customer_id, card, amount) VALUES (999, $1, $2)").bind("x").bind(decimal("1")),
    )
    .await;
    app.query("going on", app.sql("SELECT email FROM customers WHERE visits = $1").bind(44_i32)).await;
    Ok(())
}

pub async fn values(app: &App) -> Outcome {
    app.exec("too long", app.sql("UPDATE customers SET ssn = $1").bind("1".repeat(12))).await;
    app.exec("too large", app.sql("UPDATE customers SET balance = $1").bind(decimal("12345678901.5"))).await;
    app.exec("i64", app.sql("UPDATE customers SET visits = $1").bind(i64::MAX)).await;
    app.exec("text for a number", app.sql("UPDATE customers SET visits = $1").bind("1")).await;
    app.exec("text for a date", app.sql("SELECT id FROM customers WHERE birth = $1").bind("1815-12-10")).await;
    app.exec("number for a text", app.sql("SELECT id FROM customers WHERE email = $1").bind(1_i32)).await;
    for change in ["birth = '2024-02-30'", "visits = 'x'", "token = 'x'", "vip = 7", "prefs = '{bad'"] {
        app.exec(change, app.sql(format!("UPDATE customers SET {change} WHERE name = 'Bob'"))).await;
    }
    Ok(())
}

pub async fn statements(app: &App) -> Outcome {
    for sql in [
        "SELECT 1/0",
        "SELECT email FORM customers WHERE",
        "SELECT email FROM customer",
        "SELECT id FROM customers, orders",
        "SELECT 1; SELECT 2",
        "",
    ] {
        app.exec(sql, app.sql(sql)).await;
    }
    app.exec("too few", app.sql("SELECT email FROM customers WHERE visits = $1 AND email = $2").bind(1_i32)).await;
    app.exec("too many", app.sql("SELECT email FROM customers WHERE visits = $1").bind(1_i32).bind(2_i32)).await;
    app.query("going on", app.sql("SELECT email FROM customers WHERE visits = $1").bind(44_i32)).await;
    Ok(())
}

pub async fn timeout(app: &App) -> Outcome {
    app.exec("set", app.sql("SET statement_timeout = 100")).await;
    app.query("sleep", app.sql("SELECT email, pg_sleep(5) FROM customers WHERE visits = $1").bind(44_i32)).await;
    app.exec("reset", app.sql("RESET statement_timeout")).await;
    app.query("going on", app.sql("SELECT email FROM customers WHERE visits = $1").bind(44_i32)).await;
    Ok(())
}

pub async fn ddl(app: &App) -> Outcome {
    for ddl in [
        "SELECT 1",
        "ALTER TABLE events ADD COLUMN extra int DEFAULT 5",
        "ALTER TABLE customers ADD COLUMN extra int DEFAULT 6",
        "ALTER TABLE customers DROP COLUMN extra",
        "CREATE INDEX ON orders (status)",
        "DEALLOCATE ALL",
    ] {
        app.note(ddl, sqlx::raw_sql(AssertSqlSafe(ddl)).execute(&app.pool).await.map(|done| done.rows_affected()));
        for _ in 0..2 {
            app.query("events", app.sql("SELECT * FROM events WHERE id > $1 ORDER BY id").bind(0_i32)).await;
            app.query("customers", app.sql("SELECT * FROM customers WHERE email = $1").bind(mail("gus"))).await;
        }
    }
    Ok(())
}

pub async fn settings(app: &App) -> Outcome {
    for setting in
        ["TimeZone = 'America/New_York'", "DateStyle = 'ISO, DMY'", "bytea_output = 'escape'", "extra_float_digits = 0"]
    {
        app.exec(setting, app.sql(format!("SET {setting}"))).await;
        let sql = "SELECT name, birth, seen, local_time, opens, score, photo, created FROM customers WHERE visits = 44";
        app.query("binary", app.sql(sql)).await;
        let found = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(&app.pool).await;
        app.note(
            "text",
            found.map(|found| {
                found
                    .iter()
                    .map(|row| json!((0..row.len()).map(|index| rows::raw(row, index)).collect::<Vec<_>>()))
                    .collect::<Vec<_>>()
            }),
        );
    }
    app.exec("reset", app.sql("RESET ALL")).await;
    Ok(())
}

pub async fn notifications(app: &App) -> Outcome {
    let mut listener = PgListener::connect(&app.url).await?;
    listener.listen("changes").await?;
    app.query("notify", app.sql("SELECT pg_notify($1, $2)").bind("changes").bind("first é")).await;
    app.exec("in SQL", app.sql("NOTIFY changes, 'second'")).await;
    for _ in 0..2 {
        app.note("heard", listener.recv().await.map(|heard| json!([heard.channel(), heard.payload()])));
    }
    listener.unlisten_all().await?;
    app.query("afterwards", app.sql("SELECT email FROM customers WHERE visits = $1").bind(44_i32)).await;
    Ok(())
}

#[derive(Debug, sqlx::Type)]
#[sqlx(type_name = "mood", rename_all = "lowercase")]
enum Mood {
    Sad,
    Happy,
}

#[derive(Debug, sqlx::Type)]
#[sqlx(type_name = "visit")]
struct Visit {
    day: NaiveDate,
    mood: Option<Mood>,
}

/// The driver looks its types up in the catalog.
pub async fn types(app: &App) -> Outcome {
    sqlx::raw_sql("CREATE TYPE mood AS ENUM ('sad', 'happy'); CREATE TYPE visit AS (day date, mood mood); CREATE TABLE visits (id serial PRIMARY KEY, visit visit, mood mood, email text)")
        .execute(&app.pool).await?;
    for mood in [Mood::Sad, Mood::Happy] {
        app.exec(
            "insert",
            app.sql("INSERT INTO visits (visit, mood, email) VALUES ($1, $2, $3)")
                .bind(Visit { day: birth(), mood: Some(Mood::Happy) })
                .bind(mood)
                .bind("plain"),
        )
        .await;
    }
    for row in app
        .sql("SELECT v.visit, v.mood, c.email FROM visits v, customers c WHERE c.visits = $1 ORDER BY v.id")
        .bind(44_i32)
        .fetch_all(&app.pool)
        .await?
    {
        app.note(
            "row",
            Ok(format!(
                "{:?} {:?} {:?}",
                row.try_get::<Visit, _>(0),
                row.try_get::<Mood, _>(1),
                row.try_get::<String, _>(2)
            )),
        );
    }
    Ok(())
}

pub async fn pool(app: &App) -> Outcome {
    let pool = PgPoolOptions::new()
        .max_connections(4)
        .acquire_timeout(Duration::from_secs(10))
        .test_before_acquire(true)
        .connect(&app.url)
        .await?;
    let work = (0..40).map(async |n: i32| {
        let card = format!("pool{n}{MARKER}");
        app.sql("INSERT INTO orders (customer_id, card, amount) VALUES (2, $1, $2)")
            .bind(card.clone())
            .bind(decimal("2"))
            .execute(&pool)
            .await?;
        app.sql("SELECT card, amount FROM orders WHERE card = $1").bind(card).fetch_one(&pool).await
    });
    for each in join_all(work).await {
        app.note("session", each.map(|row| rows::row(&row)));
    }
    pool.close().await;
    Ok(())
}

pub async fn lock(app: &App) -> Outcome {
    let lock = PgAdvisoryLock::new("customers");
    let mut held = lock.acquire(app.pool.acquire().await?).await?;
    app.query_on("meanwhile", held.as_mut(), app.sql("SELECT email FROM customers WHERE visits = $1").bind(44_i32))
        .await;
    held.release_now().await?;
    Ok(())
}
