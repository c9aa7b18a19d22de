//! Transactions, pipelines, statements that outlive DDL, notifications, sessions.

use chrono::NaiveDate;
use futures_util::future::{join, join_all};
use pgveil_driver_tests::{MARKER, mail};
use serde_json::{Value, json};
use tokio_postgres::{
    AsyncMessage, IsolationLevel,
    types::{FromSql, ToSql},
};

use crate::{App, Outcome, connect, failure, values::row, writing::decimal};

const SHORT: &str = "INSERT INTO customers (name, email, visits, balance) VALUES ($1, $2, $3, 0)";

pub async fn transactions(app: &App) -> Outcome {
    let (mut client, _messages) = connect(&app.url).await?;
    let transaction = client.transaction().await?;
    app.exec("insert", &transaction, SHORT, &[&"Tx", &mail("tx"), &1_i32]).await;
    app.query("inside", &transaction, "SELECT email, visits FROM customers WHERE email = $1", &[&mail("tx")]).await;
    transaction.rollback().await?;
    app.query("gone", &client, "SELECT email FROM customers WHERE email = $1", &[&mail("tx")]).await;

    let transaction = client.transaction().await?;
    app.exec("insert", &transaction, SHORT, &[&"Tx", &mail("tx"), &1_i32]).await;
    app.exec("fails", &transaction, "SELECT 1/0", &[]).await;
    app.exec("aborted", &transaction, "SELECT email FROM customers", &[]).await;
    app.note("commit", transaction.commit().await.map(|()| true));
    app.query("gone", &client, "SELECT email FROM customers WHERE email = $1", &[&mail("tx")]).await;

    let transaction = client
        .build_transaction()
        .isolation_level(IsolationLevel::Serializable)
        .read_only(true)
        .deferrable(true)
        .start()
        .await?;
    app.query("read", &transaction, "SELECT email FROM customers WHERE visits = $1", &[&44_i32]).await;
    app.exec("write", &transaction, SHORT, &[&"Tx", &mail("tx"), &1_i32]).await;
    drop(transaction);
    app.query("dropped", &client, "SELECT email FROM customers WHERE email = $1", &[&mail("tx")]).await;
    Ok(())
}

pub async fn savepoints(app: &App) -> Outcome {
    let (mut client, _messages) = connect(&app.url).await?;
    let mut outer = client.transaction().await?;
    app.exec("outer", &outer, SHORT, &[&"Outer", &mail("outer"), &1_i32]).await;
    let inner = outer.savepoint("inner").await?;
    app.exec("inner", &inner, SHORT, &[&"Inner", &mail("inner"), &1_i32]).await;
    app.exec("violation", &inner, SHORT, &[&"Inner", &mail("outer"), &1_i32]).await;
    inner.rollback().await?;
    app.query("after", &outer, "SELECT name, email FROM customers WHERE name IN ('Outer', 'Inner')", &[]).await;
    let again = outer.transaction().await?;
    app.exec("released", &again, SHORT, &[&"Inner", &mail("inner"), &1_i32]).await;
    again.commit().await?;
    outer.commit().await?;
    app.query(
        "committed",
        &client,
        "SELECT name, email FROM customers WHERE name IN ('Outer', 'Inner') ORDER BY id",
        &[],
    )
    .await;
    Ok(())
}

/// Requests that are under way at the same time are sent without waiting.
pub async fn pipeline(app: &App) -> Outcome {
    let insert =
        app.client.prepare("INSERT INTO orders (customer_id, card, amount) VALUES (1, $1, $2) RETURNING card").await?;
    let find = app.client.prepare("SELECT name, email FROM customers WHERE visits = $1 ORDER BY id").await?;
    let cards: Vec<_> = (0..20).map(|n| format!("pipe{n}{MARKER}")).collect();
    let amount = decimal("1.5");
    let inserted = join_all(cards.iter().map(async |card| app.client.query_one(&insert, &[card, &amount]).await));
    let found = join_all([44, 12, 0].map(async |visits: i32| app.client.query(&find, &[&visits]).await));
    let (inserted, found) = join(inserted, found).await;
    for each in inserted {
        app.note("inserted", each.map(|each| row(&each)));
    }
    for each in found {
        app.note("found", each.map(|rows| rows.iter().map(row).collect::<Vec<_>>()));
    }
    let (a, b) = join(
        app.client.prepare("SELECT card FROM orders WHERE card = $1"),
        app.client.query_one("SELECT count(*) FROM orders WHERE amount = $1", &[&amount]),
    )
    .await;
    app.note("prepared", a.map(|statement| format!("{:?}", statement.params())));
    app.note("counted", b.map(|each| row(&each)));
    Ok(())
}

pub async fn pipeline_with_an_error(app: &App) -> Outcome {
    let insert = app.client.prepare(SHORT).await?;
    let names = ["first", "ada", "second"].map(mail);
    for each in
        join_all(names.iter().map(async |email| app.client.execute(&insert, &[&"Piped", email, &1_i32]).await)).await
    {
        app.note("each", each);
    }
    app.query("there", &app.client, "SELECT email FROM customers WHERE name = 'Piped' ORDER BY id", &[]).await;
    Ok(())
}

pub async fn ddl(app: &App) -> Outcome {
    let events = app.client.prepare("SELECT * FROM events ORDER BY id").await?;
    let people = app.client.prepare("SELECT * FROM customers WHERE email = $1").await?;
    let email = mail("gus");
    for ddl in [
        "SELECT 1",
        "ALTER TABLE events ADD COLUMN extra int DEFAULT 5",
        "ALTER TABLE customers ADD COLUMN extra int DEFAULT 6",
        "ALTER TABLE customers DROP COLUMN extra",
        "CREATE INDEX ON orders (status)",
        "DEALLOCATE ALL",
        "DISCARD ALL",
    ] {
        app.note(ddl, app.client.batch_execute(ddl).await.map(|()| true));
        app.prepared("events", &events, &[]).await;
        app.prepared("customers", &people, &[&email]).await;
        app.query("prepared anew", &app.client, "SELECT * FROM customers WHERE email = $1", &[&email]).await;
    }
    Ok(())
}

pub async fn notifications(app: &App) -> Outcome {
    let (listener, mut messages) = connect(&app.url).await?;
    listener.batch_execute("LISTEN changes").await?;
    app.exec("notify", &app.client, "SELECT pg_notify($1, $2)", &[&"changes", &"first é"]).await;
    app.note("in SQL", app.client.batch_execute("NOTIFY changes, 'second'").await.map(|()| true));
    app.note(
        "itself",
        listener
            .batch_execute(
                "NOTIFY changes; DROP TABLE IF EXISTS nothing; DO $$ BEGIN RAISE WARNING 'seen %', 1; END $$",
            )
            .await
            .map(|()| true),
    );
    app.query("meanwhile", &listener, "SELECT email FROM customers WHERE visits = $1", &[&44_i32]).await;
    for _ in 0..5 {
        match messages.recv().await {
            Some(AsyncMessage::Notification(heard)) => app.note("heard", Ok(json!([heard.channel(), heard.payload()]))),
            Some(AsyncMessage::Notice(notice)) => {
                app.note("notice", Ok(json!([notice.severity(), notice.code().code(), notice.message()])))
            }
            _ => app.note("nothing", Ok(Value::Null)),
        }
    }
    Ok(())
}

pub async fn settings(app: &App) -> Outcome {
    for setting in [
        "TimeZone = 'America/New_York'",
        "DateStyle = 'German, DMY'",
        "bytea_output = 'escape'",
        "extra_float_digits = 0",
        "IntervalStyle = 'iso_8601'",
    ] {
        app.note(setting, app.client.batch_execute(&format!("SET {setting}")).await.map(|()| true));
        const SQL: &str =
            "SELECT name, birth, seen, local_time, opens, score, photo, created FROM customers WHERE visits = 44";
        app.query("binary", &app.client, SQL, &[]).await;
        app.note("text", app.client.simple_query(SQL).await.map(crate::reading::simple_messages));
        app.query("literal", &app.client, "SELECT name FROM customers WHERE birth = '10/12/1815' ORDER BY id", &[])
            .await;
    }
    app.note("reset", app.client.batch_execute("RESET ALL").await.map(|()| true));
    Ok(())
}

#[derive(Debug, ToSql, FromSql)]
#[postgres(name = "mood", rename_all = "lowercase")]
enum Mood {
    Sad,
    Happy,
}

#[derive(Debug, ToSql, FromSql)]
#[postgres(name = "visit")]
struct Visit {
    day: NaiveDate,
    mood: Option<Mood>,
}

/// The driver looks its types up in the catalog.
pub async fn types(app: &App) -> Outcome {
    app.client.batch_execute("CREATE TYPE mood AS ENUM ('sad', 'happy'); CREATE TYPE visit AS (day date, mood mood); CREATE DOMAIN positive AS int CHECK (VALUE > 0);
        CREATE TABLE visits (id serial PRIMARY KEY, visit visit, moods mood[], stars positive, during daterange)").await?;
    let visit = Visit { day: crate::writing::birth(), mood: Some(Mood::Happy) };
    let found = app
        .client
        .query_one(
            "INSERT INTO visits (visit, moods) VALUES ($1, $2) RETURNING visit, moods",
            &[&visit, &vec![Mood::Sad, Mood::Happy]],
        )
        .await;
    app.note("visit", found.map(|row| format!("{:?} {:?}", row.get::<_, Visit>(0), row.get::<_, Vec<Mood>>(1))));
    let statement = app
        .client
        .prepare(
            "SELECT v.*, c.email FROM visits v, customers c WHERE c.visits = $1 AND v.stars IS NOT DISTINCT FROM $2",
        )
        .await;
    app.note(
        "described",
        statement.map(|statement| {
            format!(
                "{:?} {:?}",
                statement.params().iter().map(|ty| ty.name()).collect::<Vec<_>>(),
                crate::values::columns(statement.columns())
            )
        }),
    );
    Ok(())
}

pub async fn sessions(app: &App) -> Outcome {
    let work = (0..8).map(async |n: i32| {
        let (client, _messages) = connect(&app.url).await?;
        let mut seen = Vec::new();
        for round in 0..5 {
            let card = format!("session{n}-{round}{MARKER}");
            client
                .execute("INSERT INTO orders (customer_id, card, amount) VALUES (2, $1, $2)", &[&card, &decimal("2")])
                .await?;
            seen.push(row(&client.query_one("SELECT card, amount FROM orders WHERE card = $1", &[&card]).await?));
        }
        Ok::<_, tokio_postgres::Error>(seen)
    });
    for each in join_all(work).await {
        app.steps.note("session", each.map_err(|error| failure(&error)));
    }
    Ok(())
}
