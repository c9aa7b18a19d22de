//! COPY in both directions.

use std::{io, pin::pin};

use bytes::Bytes;
use chrono::NaiveDate;
use futures_util::{SinkExt, StreamExt, TryStreamExt, stream};
use pgveil_driver_tests::{MARKER, hex, mail, sorted};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use tokio_postgres::{
    CopyInSink, Error,
    binary_copy::{BinaryCopyInWriter, BinaryCopyOutStream},
    types::{FromSql, Type},
};

use crate::{
    App, Outcome, Param,
    writing::{birth, decimal, local, seen, token},
};

async fn copy(app: &App, label: &str, sql: &str, chunks: &[&str]) {
    let outcome = async {
        let sink: CopyInSink<Bytes> = app.client.copy_in(sql).await?;
        let mut sink = pin!(sink);
        for chunk in chunks {
            sink.send(Bytes::from((*chunk).to_owned())).await?;
        }
        sink.finish().await
    };
    app.note(label, outcome.await);
}

async fn copied_out(app: &App, sql: &str) -> Result<Vec<u8>, Error> {
    let parts: Vec<Bytes> = app.client.copy_out(sql).await?.try_collect().await?;
    Ok(parts.concat())
}

pub async fn text(app: &App) -> Outcome {
    let sql = "COPY orders (customer_id, card, amount, note) FROM STDIN";
    copy(app, "rows", sql, &[&format!("1\tt1{MARKER}\t1.005\t\\N\n1\tt\\t2{MARKER}\t2\tline\\nbreak\n")]).await;
    copy(app, "in pieces", sql, &[&format!("1\tt3{MARKER}\t"), "3", "\tä\n1", &format!("\tt4{MARKER}\t4\t\n")]).await;
    copy(app, "nothing", sql, &[]).await;
    app.query("back", &app.client, "SELECT card, amount, note FROM orders WHERE customer_id = 1 ORDER BY id", &[])
        .await;
    app.query("found", &app.client, "SELECT amount FROM orders WHERE card = $1", &[&format!("t\t2{MARKER}")]).await;
    Ok(())
}

pub async fn csv(app: &App) -> Outcome {
    let data = format!(
        "Csv,csv1@{MARKER},\"1,5\",1999-12-31\nCsv,csv2@{MARKER},,\n\"Csv \"\"q\"\"\",csv3@{MARKER},\"\",2001-02-03\n"
    );
    copy(app, "bad", "COPY customers (name, email, balance, birth) FROM STDIN WITH (FORMAT csv)", &[&data]).await;
    copy(app, "rows", "COPY customers (name, email, phone, birth, balance) FROM STDIN WITH (FORMAT csv, HEADER, FORCE_NOT_NULL (phone))",
        &["name,email,phone,birth,balance\n", &data.replace("1999-12-31", "1999-12-31,1").replace(",,\n", ",,,2\n").replace("02-03", "02-03,3")]).await;
    app.query(
        "back",
        &app.client,
        "SELECT name, email, phone, birth, balance FROM customers WHERE name LIKE 'Csv%' ORDER BY id",
        &[],
    )
    .await;
    Ok(())
}

pub async fn binary(app: &App) -> Outcome {
    let types = [
        Type::TEXT,
        Type::VARCHAR,
        Type::BPCHAR,
        Type::TEXT,
        Type::DATE,
        Type::NUMERIC,
        Type::INT4,
        Type::INT8,
        Type::BOOL,
        Type::FLOAT8,
        Type::TIMESTAMPTZ,
        Type::TIMESTAMP,
        Type::UUID,
        Type::BYTEA,
        Type::JSONB,
        Type::JSON,
    ];
    let sink = app.client.copy_in("COPY customers (name, email, ssn, phone, birth, balance, visits, points, vip, score, seen, local_time, token, photo, prefs, raw) FROM STDIN BINARY").await?;
    let mut writer = pin!(BinaryCopyInWriter::new(sink, &types));
    for n in 0..5_i32 {
        let some = (n % 2 == 0).then_some(n);
        let row: &[Param] = &[
            &"Binary",
            &mail(&format!("binary{n}")),
            &some.map(|n| n.to_string()),
            &some.map(|_| MARKER),
            &some.map(|_| birth()),
            &Decimal::from(n),
            &some,
            &some.map(i64::from),
            &some.map(|_| true),
            &some.map(f64::from),
            &some.map(|_| seen()),
            &some.map(|_| local()),
            &some.map(|_| token()),
            &some.map(|_| vec![0_u8, 255]),
            &some.map(|n| json!({ "n": n })),
            &some.map(|n| json!([n])),
        ];
        writer.as_mut().write(row).await?;
    }
    app.note("rows", writer.finish().await);
    app.query("back", &app.client, "SELECT * FROM customers WHERE name = 'Binary' ORDER BY id", &[]).await;
    app.query("found", &app.client, "SELECT name, visits FROM customers WHERE email = $1", &[&mail("binary2")]).await;

    let sink = app.client.copy_in("COPY orders (customer_id, card, amount) FROM STDIN BINARY").await?;
    let mut writer = pin!(BinaryCopyInWriter::new(sink, &[Type::INT4, Type::TEXT, Type::NUMERIC]));
    for n in 0..2000_i32 {
        writer.as_mut().write(&[&2_i32, &format!("bulk{n}{MARKER}"), &decimal("1.5")]).await?;
    }
    app.note("many", writer.finish().await);
    app.query(
        "one of them",
        &app.client,
        "SELECT card, amount FROM orders WHERE card = $1",
        &[&format!("bulk1234{MARKER}")],
    )
    .await;
    Ok(())
}

pub async fn out(app: &App) -> Outcome {
    for sql in [
        "COPY (SELECT id, name, email, birth, balance FROM customers ORDER BY id) TO STDOUT",
        "COPY (SELECT * FROM customers ORDER BY id) TO STDOUT CSV HEADER",
        "COPY (SELECT * FROM customers ORDER BY id) TO STDOUT BINARY",
        "COPY nothing TO STDOUT",
    ] {
        app.note(sql, copied_out(app, sql).await.map(|bytes| hex(&bytes)));
    }
    for sql in ["COPY customers TO STDOUT", "COPY orders (card, note, id) TO STDOUT WITH (DELIMITER ';', NULL '~')"] {
        app.note(sql, copied_out(app, sql).await.map(|bytes| sorted(&bytes)));
    }
    Ok(())
}

fn copied<'a, T: FromSql<'a> + std::fmt::Debug>(
    row: &'a tokio_postgres::binary_copy::BinaryCopyOutRow,
    index: usize,
) -> Value {
    match row.try_get::<Option<T>>(index) {
        Ok(value) => format!("{value:?}").into(),
        Err(error) => json!({ "cannot": error.to_string() }),
    }
}

pub async fn binary_out(app: &App) -> Outcome {
    let types = [Type::INT4, Type::VARCHAR, Type::DATE, Type::NUMERIC, Type::JSONB];
    let stream = app
        .client
        .copy_out("COPY (SELECT id, email, birth, balance, prefs FROM customers ORDER BY id) TO STDOUT BINARY")
        .await?;
    let mut rows = pin!(BinaryCopyOutStream::new(stream, &types));
    while let Some(row) = rows.try_next().await? {
        let cells: Value = [
            copied::<i32>(&row, 0),
            copied::<&str>(&row, 1),
            copied::<NaiveDate>(&row, 2),
            copied::<Decimal>(&row, 3),
            copied::<Value>(&row, 4),
        ]
        .into_iter()
        .collect();
        app.note("row", Ok(cells));
    }
    Ok(())
}

pub async fn errors(app: &App) -> Outcome {
    copy(app, "unique", "COPY customers (name, email, balance) FROM STDIN", &[&format!("X\t{}\t1\n", mail("ada"))])
        .await;
    copy(app, "not null", "COPY customers (name, email, balance) FROM STDIN", &["X\t\\N\t1\n"]).await;
    copy(app, "bad number", "COPY orders (customer_id, card, amount) FROM STDIN", &["1\tx\t1\n1\ty\tnumber\n"]).await;
    copy(app, "foreign key", "COPY orders (customer_id, card, amount) FROM STDIN", &["999\tx\t1\n"]).await;
    let sink = app.client.copy_in("COPY orders (customer_id, card, amount) FROM STDIN BINARY").await?;
    let mut writer = pin!(BinaryCopyInWriter::new(sink, &[Type::INT4, Type::TEXT]));
    app.note("written", writer.as_mut().write(&[&1_i32, &"x"]).await.map(|()| true));
    app.note("a column is missing", writer.finish().await);
    app.query("going on", &app.client, "SELECT count(*) FROM orders", &[]).await;
    Ok(())
}

/// The program fails in the middle of its data.
pub async fn given_up(app: &App) -> Outcome {
    let sink: CopyInSink<Bytes> = app.client.copy_in("COPY orders (customer_id, card, amount) FROM STDIN").await?;
    let mut sink = pin!(sink);
    let mut data = stream::iter([Ok(Bytes::from_static(b"1\tgone\t1\n")), Err(io::Error::other("no more"))]);
    while let Some(Ok(chunk)) = data.next().await {
        sink.feed(chunk).await?;
    }
    sink.flush().await?;
    // Dropped without an end: the driver sends CopyFail.
    Ok(())
}
