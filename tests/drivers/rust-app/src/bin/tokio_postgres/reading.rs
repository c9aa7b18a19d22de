//! SELECT, in every way that tokio-postgres reads.

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use futures_util::{TryStreamExt, pin_mut};
use pgveil_driver_tests::{MARKER, mail};
use serde_json::{Value, json};
use tokio_postgres::{
    SimpleQueryMessage,
    types::{Date, Timestamp},
};

use crate::{
    App, Outcome,
    values::{columns, raw, row},
    writing::{birth, decimal, insert, seen, token},
};

const ALL: &str = "SELECT * FROM customers ORDER BY id";

pub async fn all(app: &App) -> Outcome {
    app.query("customers", &app.client, ALL, &[]).await;
    app.query("orders", &app.client, "SELECT * FROM orders ORDER BY id", &[]).await;
    Ok(())
}

pub async fn bytes(app: &App) -> Outcome {
    for found in app.client.query(ALL, &[]).await? {
        let cells: Vec<Value> = (0..found.len()).map(|index| raw(&found, index)).collect();
        app.note("row", Ok(cells));
    }
    Ok(())
}

pub async fn infinities(app: &App) -> Outcome {
    for found in app
        .client
        .query(
            "SELECT birth, seen, local_time FROM customers WHERE birth IS NOT NULL AND seen IS NOT NULL ORDER BY id",
            &[],
        )
        .await?
    {
        let all = (
            found.try_get::<_, Date<NaiveDate>>(0),
            found.try_get::<_, Timestamp<DateTime<Utc>>>(1),
            found.try_get::<_, Timestamp<NaiveDateTime>>(2),
        );
        app.note("row", Ok(format!("{all:?}")));
    }
    Ok(())
}

pub async fn one(app: &App) -> Outcome {
    const SQL: &str = "SELECT id, email, balance FROM customers WHERE email = $1";
    app.note("one", app.client.query_one(SQL, &[&mail("ada")]).await.map(|found| row(&found)));
    app.note("none", app.client.query_one(SQL, &[&"nobody"]).await.map(|found| row(&found)));
    app.note("optional", app.client.query_opt(SQL, &[&"nobody"]).await.map(|found| found.as_ref().map(row)));
    app.note("too many", app.client.query_one("SELECT email FROM customers", &[]).await.map(|found| row(&found)));
    Ok(())
}

pub async fn streaming(app: &App) -> Outcome {
    let rows = app
        .client
        .query_raw("SELECT id, email, birth, prefs FROM customers WHERE id > $1 ORDER BY id", [&0_i32])
        .await?;
    pin_mut!(rows);
    while let Some(found) = rows.try_next().await? {
        app.note("row", Ok(row(&found)));
    }
    app.note("affected", Ok(rows.rows_affected()));
    let rows = app.client.query_raw("SELECT card, amount FROM orders ORDER BY id", Vec::<i32>::new()).await?;
    pin_mut!(rows);
    let first = rows.try_next().await?;
    app.note("first and no more", Ok(first.as_ref().map(row)));
    Ok(())
}

pub async fn portals(app: &App) -> Outcome {
    let (mut client, _messages) = crate::connect(&app.url).await?;
    let transaction = client.transaction().await?;
    let statement =
        transaction.prepare("SELECT id, name, email, balance FROM customers WHERE id > $1 ORDER BY id").await?;
    let portal = transaction.bind(&statement, &[&1_i32]).await?;
    let other = transaction.bind("SELECT card, amount FROM orders ORDER BY id", &[]).await?;
    for size in [3, 1, 2, 0, 5] {
        let found = transaction.query_portal(&portal, size).await;
        app.note("customers", found.map(|rows| rows.iter().map(row).collect::<Vec<_>>()));
        let found = transaction.query_portal(&other, 1).await;
        app.note("orders", found.map(|rows| rows.iter().map(row).collect::<Vec<_>>()));
    }
    drop(portal);
    app.note("done", transaction.commit().await.map(|()| true));
    Ok(())
}

pub fn simple_messages(messages: Vec<SimpleQueryMessage>) -> Value {
    let shown = |message: &SimpleQueryMessage| match message {
        SimpleQueryMessage::Row(row) => {
            (0..row.len()).map(|index| json!(row.get(index).map(pgveil_driver_tests::short))).collect()
        }
        SimpleQueryMessage::CommandComplete(count) => json!({ "count": count }),
        SimpleQueryMessage::RowDescription(columns) => {
            json!(columns.iter().map(|column| column.name()).collect::<Vec<_>>())
        }
        _ => json!("something else"),
    };
    messages.iter().map(shown).collect()
}

pub async fn simple(app: &App) -> Outcome {
    for sql in [
        ALL,
        "SELECT card, amount FROM orders ORDER BY id; SELECT 1 AS one; UPDATE orders SET note = 'x' WHERE id = 1; ; SELECT note FROM orders WHERE id = 1",
        "SELECT 1/0; SELECT 1",
        "",
    ] {
        app.note("simple", app.client.simple_query(sql).await.map(simple_messages));
    }
    app.note(
        "batch",
        app.client.batch_execute("BEGIN; UPDATE orders SET note = 'batch' WHERE id = 1; COMMIT").await.map(|()| true),
    );
    Ok(())
}

pub async fn find(app: &App) -> Outcome {
    app.query("email", &app.client, "SELECT id, name FROM customers WHERE email = $1", &[&mail("ada")]).await;
    app.query("ssn", &app.client, "SELECT id, name, ssn FROM customers WHERE ssn = $1", &[&"5"]).await;
    app.query("phone", &app.client, "SELECT id, name FROM customers WHERE phone = $1", &[&"30"]).await;
    app.query("birth", &app.client, "SELECT id, name FROM customers WHERE birth = $1 ORDER BY id", &[&birth()]).await;
    app.query("visits", &app.client, "SELECT id, name FROM customers WHERE visits = $1", &[&44_i32]).await;
    app.query("seen", &app.client, "SELECT id, name FROM customers WHERE seen = $1 ORDER BY id", &[&seen()]).await;
    app.query("token", &app.client, "SELECT id, name FROM customers WHERE token = $1 ORDER BY id", &[&token()]).await;
    app.query(
        "amount",
        &app.client,
        "SELECT id, card FROM orders WHERE amount = $1 ORDER BY id",
        &[&decimal("10.0500")],
    )
    .await;
    app.query(
        "in",
        &app.client,
        "SELECT name FROM customers WHERE email IN ($1, $2) ORDER BY id",
        &[&mail("bob"), &mail("dan")],
    )
    .await;
    app.query("null", &app.client, "SELECT id FROM customers WHERE email = $1", &[&None::<String>]).await;
    app.query(
        "not",
        &app.client,
        "SELECT name FROM customers WHERE visits <> $1 AND phone IS NOT NULL ORDER BY id",
        &[&44_i32],
    )
    .await;
    Ok(())
}

pub async fn arrays(app: &App) -> Outcome {
    app.query(
        "texts",
        &app.client,
        "SELECT name FROM customers WHERE phone = ANY($1) ORDER BY id",
        &[&vec!["30", "none"]],
    )
    .await;
    app.query(
        "emails",
        &app.client,
        "SELECT name FROM customers WHERE email = ANY($1) ORDER BY id",
        &[&vec![mail("ada"), mail("bob")]],
    )
    .await;
    app.query(
        "numbers",
        &app.client,
        "SELECT name FROM customers WHERE visits = ANY($1) ORDER BY id",
        &[&[12_i32, 44].as_slice()],
    )
    .await;
    app.query(
        "dates",
        &app.client,
        "SELECT name FROM customers WHERE birth = ANY($1) ORDER BY id",
        &[&vec![Some(birth()), None]],
    )
    .await;
    app.query("uuids", &app.client, "SELECT name FROM customers WHERE token = ANY($1) ORDER BY id", &[&vec![token()]])
        .await;
    app.query(
        "empty",
        &app.client,
        "SELECT name FROM customers WHERE phone = ANY($1) ORDER BY id",
        &[&Vec::<String>::new()],
    )
    .await;
    app.query(
        "null",
        &app.client,
        "SELECT name FROM customers WHERE phone = ANY($1) ORDER BY id",
        &[&None::<Vec<String>>],
    )
    .await;
    Ok(())
}

pub async fn joins(app: &App) -> Outcome {
    app.query("orders", &app.client, "SELECT c.name, c.email, o.card, o.amount FROM customers c JOIN orders o ON o.customer_id = c.id WHERE c.email = $1 ORDER BY o.id", &[&mail("ada")]).await;
    app.query(
        "same card",
        &app.client,
        "SELECT a.id, b.id, a.card FROM orders a JOIN orders b ON a.card = b.card AND a.id < b.id ORDER BY a.id, b.id",
        &[],
    )
    .await;
    app.query(
        "counts",
        &app.client,
        "SELECT status, count(*), count(DISTINCT card) FROM orders GROUP BY status ORDER BY status",
        &[],
    )
    .await;
    app.query("exists", &app.client, "SELECT name FROM customers c WHERE EXISTS (SELECT FROM orders o WHERE o.customer_id = c.id AND o.card = $1) ORDER BY id", &[&format!("3400{MARKER}")]).await;
    Ok(())
}

pub async fn describe(app: &App) -> Outcome {
    for sql in [
        insert().as_str(),
        ALL,
        "SELECT email FROM customers WHERE phone = ANY($1) AND visits = $2 AND birth = $3::date",
        "UPDATE orders SET amount = $1, note = $2 WHERE card = $3",
        "DELETE FROM orders WHERE amount = $1 RETURNING note",
        "SELECT count(*) FROM customers",
        "SELECT nothing FROM orders",
    ] {
        let described = app.client.prepare(sql).await.map(|statement| {
            json!([statement.params().iter().map(|ty| ty.name()).collect::<Vec<_>>(), columns(statement.columns())])
        });
        app.note(sql, described);
    }
    Ok(())
}

pub async fn wrong_types(app: &App) -> Outcome {
    let found =
        app.client.query_one("SELECT email, visits, birth FROM customers WHERE email = $1", &[&mail("bob")]).await?;
    let wrong = (
        found.try_get::<_, i32>(0),
        found.try_get::<_, i64>(1),
        found.try_get::<_, String>("birth"),
        found.try_get::<_, String>("nothing"),
    );
    app.note("columns", Ok(format!("{wrong:?}")));
    app.exec("a parameter", &app.client, "UPDATE customers SET visits = $1 WHERE email = $2", &[&1_i64, &mail("bob")])
        .await;
    Ok(())
}
