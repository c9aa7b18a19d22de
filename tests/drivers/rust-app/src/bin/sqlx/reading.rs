//! SELECT, in every way that sqlx reads.

use bytes::Bytes;
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use futures_util::TryStreamExt;
use ipnetwork::IpNetwork;
use pgveil_driver_tests::{MARKER, hex, mail, sorted};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use sqlx::{
    AssertSqlSafe, Column, Either, Executor, FromRow, Postgres, QueryBuilder, Row, SqlSafeStr, Statement, TypeInfo,
    types::Json,
};
use uuid::Uuid;

use crate::{
    App, Outcome, rows, shown,
    writing::{TOKEN, birth, decimal, seen},
};

const ALL: &str = "SELECT * FROM customers ORDER BY id";

#[derive(Debug, FromRow)]
#[allow(dead_code, reason = "shown by Debug")]
struct Customer {
    id: i32,
    name: String,
    email: String,
    ssn: Option<String>,
    phone: Option<String>,
    birth: Option<NaiveDate>,
    balance: Decimal,
    visits: Option<i32>,
    points: Option<i64>,
    level: Option<i16>,
    vip: Option<bool>,
    score: Option<f64>,
    seen: Option<DateTime<Utc>>,
    local_time: Option<NaiveDateTime>,
    opens: Option<NaiveTime>,
    token: Option<Uuid>,
    photo: Option<Vec<u8>>,
    prefs: Option<Value>,
    #[sqlx(rename = "raw")]
    unread: Option<Json<Value>>,
    address: Option<IpNetwork>,
    created: DateTime<Utc>,
}

pub async fn all(app: &App) -> Outcome {
    app.query("customers", app.sql(ALL)).await;
    app.query("orders", app.sql("SELECT * FROM orders ORDER BY id")).await;
    for row in app.sql(ALL).fetch_all(&app.pool).await? {
        app.note("bytes", Ok((0..row.len()).map(|index| rows::raw(&row, index)).collect::<Vec<_>>()));
    }
    Ok(())
}

pub async fn structs(app: &App) -> Outcome {
    let found =
        sqlx::query_as::<_, Customer>("SELECT * FROM customers WHERE name IN ('Ada', 'Bob', 'Dan', 'Max') ORDER BY id")
            .persistent(app.persistent)
            .fetch_all(&app.pool)
            .await?;
    for customer in found {
        app.note("customer", Ok(format!("{customer:?}")));
    }
    let found =
        sqlx::query_as::<_, (i64, String, Decimal)>("SELECT id, card, amount FROM orders WHERE card = $1 ORDER BY id")
            .bind(format!("4111{MARKER}"))
            .fetch_all(&app.pool)
            .await;
    app.note("tuples", found.map(|found| format!("{found:?}")));
    let wrong = sqlx::query_as::<_, (i64, i64)>("SELECT id, card FROM orders").fetch_one(&app.pool).await;
    app.note("wrong", wrong.map(|found| format!("{found:?}")));
    Ok(())
}

pub async fn scalars(app: &App) -> Outcome {
    let email: Option<String> =
        sqlx::query_scalar("SELECT email FROM customers WHERE name = $1").bind("Ada").fetch_optional(&app.pool).await?;
    app.note("one", Ok(email));
    let none: Option<String> = sqlx::query_scalar("SELECT email FROM customers WHERE email = $1")
        .bind("nobody")
        .fetch_optional(&app.pool)
        .await?;
    app.note("none", Ok(none));
    app.note(
        "required",
        app.sql("SELECT email FROM customers WHERE email = $1")
            .bind("nobody")
            .fetch_one(&app.pool)
            .await
            .map(|row| rows::row(&row)),
    );
    Ok(())
}

pub async fn streaming(app: &App) -> Outcome {
    let mut found =
        app.sql("SELECT id, email, birth, prefs FROM customers WHERE id > $1 ORDER BY id").bind(0_i32).fetch(&app.pool);
    while let Some(row) = found.try_next().await? {
        app.note("row", Ok(rows::row(&row)));
    }
    drop(found);
    let mut found = app.sql("SELECT card FROM orders ORDER BY id").fetch(&app.pool);
    app.note("first and no more", found.try_next().await.map(|row| row.as_ref().map(rows::row)));
    drop(found);
    app.query("going on", app.sql("SELECT email FROM customers WHERE visits = $1").bind(44_i32)).await;
    Ok(())
}

/// Without arguments, in the simple protocol: values come as text.
pub async fn text(app: &App) -> Outcome {
    let found = sqlx::raw_sql(AssertSqlSafe(ALL)).fetch_all(&app.pool).await;
    app.note(
        "customers",
        found.map(|found| json!([shown(&found), found.iter().map(|row| rows::raw(row, 6)).collect::<Vec<_>>()])),
    );
    Ok(())
}

pub async fn several(app: &App) -> Outcome {
    let sql = "SELECT card, amount FROM orders WHERE id <= 2 ORDER BY id; UPDATE orders SET note = 'x' WHERE id = 1; SELECT note FROM orders WHERE id = 1; SELECT 1/0";
    let mut found = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_many(&app.pool);
    for _ in 0..10 {
        match found.try_next().await {
            Ok(Some(Either::Left(done))) => app.note("done", Ok(done.rows_affected())),
            Ok(Some(Either::Right(row))) => app.note("row", Ok(rows::row(&row))),
            Ok(None) => break,
            Err(error) => {
                app.note("failed", Err::<Value, _>(error));
                break;
            }
        }
    }
    Ok(())
}

pub async fn find(app: &App) -> Outcome {
    app.query("email", app.sql("SELECT id, name FROM customers WHERE email = $1").bind(mail("ada"))).await;
    app.query("ssn", app.sql("SELECT id, name, ssn FROM customers WHERE ssn = $1").bind("5")).await;
    app.query("phone", app.sql("SELECT id, name FROM customers WHERE phone = $1").bind("30")).await;
    app.query("birth", app.sql("SELECT id, name FROM customers WHERE birth = $1 ORDER BY id").bind(birth())).await;
    app.query("visits", app.sql("SELECT id, name FROM customers WHERE visits = $1").bind(44_i32)).await;
    app.query("visits as i64", app.sql("SELECT id, name FROM customers WHERE visits = $1").bind(44_i64)).await;
    app.query("seen", app.sql("SELECT id, name FROM customers WHERE seen = $1 ORDER BY id").bind(seen())).await;
    app.query(
        "token",
        app.sql("SELECT id, name FROM customers WHERE token = $1 ORDER BY id").bind(TOKEN.parse::<Uuid>().unwrap()),
    )
    .await;
    app.query("amount", app.sql("SELECT id, card FROM orders WHERE amount = $1 ORDER BY id").bind(decimal("10.0500")))
        .await;
    app.query("null", app.sql("SELECT id FROM customers WHERE email = $1").bind(None::<String>)).await;
    app.query(
        "optional",
        app.sql("SELECT name FROM customers WHERE ($1::text IS NULL OR phone = $1) ORDER BY id").bind(Some("30")),
    )
    .await;
    Ok(())
}

pub async fn arrays(app: &App) -> Outcome {
    app.query(
        "texts",
        app.sql("SELECT name FROM customers WHERE phone = ANY($1) ORDER BY id").bind(vec!["30", "none"]),
    )
    .await;
    app.query(
        "emails",
        app.sql("SELECT name FROM customers WHERE email = ANY($1) ORDER BY id").bind(vec![mail("ada"), mail("bob")]),
    )
    .await;
    app.query(
        "numbers",
        app.sql("SELECT name FROM customers WHERE visits = ANY($1) ORDER BY id").bind([12_i32, 44].as_slice()),
    )
    .await;
    app.query(
        "dates",
        app.sql("SELECT name FROM customers WHERE birth = ANY($1) ORDER BY id").bind(vec![Some(birth()), None]),
    )
    .await;
    app.query("uuids", app.sql("SELECT name FROM customers WHERE token = ANY($1) ORDER BY id").bind(vec![Uuid::nil()]))
        .await;
    app.query(
        "empty",
        app.sql("SELECT name FROM customers WHERE phone = ANY($1) ORDER BY id").bind(Vec::<String>::new()),
    )
    .await;
    Ok(())
}

pub async fn joins(app: &App) -> Outcome {
    app.query("orders", app.sql("SELECT c.name, c.email, o.card, o.amount FROM customers c JOIN orders o ON o.customer_id = c.id WHERE c.email = $1 ORDER BY o.id").bind(mail("ada"))).await;
    app.query("same card", app.sql("SELECT a.id, b.id, a.card FROM orders a JOIN orders b ON a.card = b.card AND a.id < b.id ORDER BY a.id, b.id")).await;
    app.query(
        "counts",
        app.sql("SELECT status, count(*), count(DISTINCT card) FROM orders GROUP BY status ORDER BY status"),
    )
    .await;
    Ok(())
}

pub async fn builder(app: &App) -> Outcome {
    let mut query = QueryBuilder::<Postgres>::new("SELECT id, name, email FROM customers WHERE email IN (");
    let mut list = query.separated(", ");
    for name in ["ada", "bob", "nobody"] {
        list.push_bind(mail(name));
    }
    query.push(") AND visits IS NOT NULL ORDER BY id LIMIT ").push_bind(5_i64);
    app.query("in", query.build().persistent(app.persistent)).await;
    let mut query = QueryBuilder::<Postgres>::new("SELECT id, card FROM orders WHERE (card, amount) IN ");
    query.push_tuples([("4111", "0.05"), ("5500", "10.05")], |mut tuple, (card, amount)| {
        tuple.push_bind(format!("{card}{MARKER}")).push_bind(decimal(amount));
    });
    query.push(" ORDER BY id");
    app.query("tuples", query.build().persistent(app.persistent)).await;
    Ok(())
}

pub async fn describe(app: &App) -> Outcome {
    for sql in [
        ALL,
        "SELECT email FROM customers WHERE phone = ANY($1) AND visits = $2 AND birth = $3::date",
        "UPDATE orders SET amount = $1, note = $2 WHERE card = $3",
        "DELETE FROM orders WHERE amount = $1 RETURNING note",
        "SELECT nothing FROM orders",
    ] {
        let described = app.pool.prepare(sql.into_sql_str()).await.map(|statement| {
            let parameters = match statement.parameters() {
                Some(Either::Left(types)) => types.iter().map(|ty| ty.name().to_owned()).collect(),
                _ => Vec::new(),
            };
            let columns: Vec<_> = statement
                .columns()
                .iter()
                .map(|column| format!("{} {}", column.name(), column.type_info().name()))
                .collect();
            json!([parameters, columns])
        });
        app.note(sql, described);
    }
    Ok(())
}

pub async fn copy_out(app: &App) -> Outcome {
    let mut connection = app.pool.acquire().await?;
    for sql in [
        "COPY (SELECT * FROM customers ORDER BY id) TO STDOUT",
        "COPY (SELECT * FROM customers ORDER BY id) TO STDOUT BINARY",
        "COPY orders (card, note) TO STDOUT CSV",
    ] {
        let parts: Result<Vec<_>, _> = connection.copy_out_raw(sql).await?.try_collect().await;
        let table = sql.contains("CSV");
        app.note(
            sql,
            parts.map(|parts: Vec<Bytes>| if table { sorted(&parts.concat()) } else { hex(&parts.concat()).into() }),
        );
    }
    app.note("no table", connection.copy_out_raw("COPY nothing TO STDOUT").await.map(|_| true));
    Ok(())
}
