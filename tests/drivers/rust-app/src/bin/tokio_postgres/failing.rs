//! Errors, timeouts, cancellation, and going on afterwards.

use std::time::Duration;

use pgveil_driver_tests::mail;
use serde_json::{Value, json};
use tokio::time::sleep;
use tokio_postgres::NoTls;

use crate::{
    App, Outcome, connect,
    writing::{birth, decimal},
};

const SHORT: &str = "INSERT INTO customers (name, email, visits, balance) VALUES ($1, $2, $3, 0)";

pub async fn constraints(app: &App) -> Outcome {
    app.exec("unique", &app.client, SHORT, &[&"Again", &mail("bob"), &1_i32]).await;
    app.exec(
        "unique update",
        &app.client,
        "UPDATE customers SET email = $1 WHERE email = $2",
        &[&mail("bob"), &mail("dan")],
    )
    .await;
    app.exec("not null", &app.client, SHORT, &[&"Null", &None::<String>, &1_i32]).await;
    app.exec(
        "foreign key",
        &app.client,
        "INSERT INTO orders (customer_id, card, amount) VALUES (999, $1, $2)",
        &[&"x", &decimal("1")],
    )
    .await;
    app.query("going on", &app.client, "SELECT email FROM customers WHERE visits = $1", &[&44_i32]).await;
    Ok(())
}

pub async fn values(app: &App) -> Outcome {
    app.exec("too long", &app.client, "UPDATE customers SET ssn = $1", &[&"1".repeat(12)]).await;
    app.exec(
        "too long by characters",
        &app.client,
        "UPDATE customers SET email = $1 WHERE name = 'Bob'",
        &[&"é".repeat(121)],
    )
    .await;
    app.exec("too large", &app.client, "UPDATE customers SET balance = $1", &[&decimal("12345678901.5")]).await;
    for change in [
        "birth = '2024-02-30'",
        "visits = 'x'",
        "visits = 99999999999",
        "token = 'x'",
        "vip = 7",
        "prefs = '{bad'",
        "address = '300.1'",
    ] {
        app.exec(change, &app.client, &format!("UPDATE customers SET {change} WHERE name = 'Bob'"), &[]).await;
        app.note(
            "simple",
            app.client.batch_execute(&format!("UPDATE customers SET {change} WHERE name = 'Bob'")).await.map(|()| true),
        );
    }
    Ok(())
}

pub async fn statements(app: &App) -> Outcome {
    for sql in [
        "SELECT 1/0",
        "SELECT email FORM customers WHERE",
        "SELECT email FROM customer",
        "SELECT id FROM customers, orders",
        "SELECT * FROM pg_authid",
        "SELECT 1; SELECT 2",
        "",
    ] {
        app.exec(sql, &app.client, sql, &[]).await;
    }
    app.exec("division", &app.client, "SELECT email FROM customers WHERE id / $1 = 1", &[&0_i32]).await;
    app.exec("text for a date", &app.client, "SELECT email FROM customers WHERE birth = $1", &[&"1815-12-10"]).await;
    app.exec("date for a text", &app.client, "SELECT email FROM customers WHERE email = $1", &[&birth()]).await;
    Ok(())
}

pub async fn timeout(app: &App) -> Outcome {
    app.client.batch_execute("SET statement_timeout = 100").await?;
    app.exec("plain", &app.client, "SELECT pg_sleep(5)", &[]).await;
    app.exec("sealed", &app.client, "SELECT email, pg_sleep(5) FROM customers WHERE visits = $1", &[&44_i32]).await;
    app.client.batch_execute("RESET statement_timeout").await?;
    app.query("going on", &app.client, "SELECT email FROM customers WHERE visits = $1", &[&44_i32]).await;
    Ok(())
}

pub async fn cancel(app: &App) -> Outcome {
    let (client, _messages) = connect(&app.url).await?;
    let token = client.cancel_token();
    tokio::spawn(async move {
        sleep(Duration::from_millis(200)).await;
        token.cancel_query(NoTls).await
    });
    app.exec("cancelled", &client, "SELECT email, pg_sleep(10) FROM customers WHERE visits = $1", &[&44_i32]).await;
    app.query("going on", &client, "SELECT email FROM customers WHERE visits = $1", &[&44_i32]).await;
    Ok(())
}

pub async fn cannot_connect(app: &App) -> Outcome {
    for change in ["/nothing", "?options=-cnothing%3D1", "?options=-ctimezone%3DNowhere"] {
        let base = app.url.rsplit_once('/').map_or("", |(base, _)| base);
        let url = if change.starts_with('/') { format!("{base}{change}") } else { format!("{}{change}", app.url) };
        app.note(change, connect(&url).await.map(|_| json!("connected")));
    }
    app.note("after all", Ok(Value::Null));
    Ok(())
}
