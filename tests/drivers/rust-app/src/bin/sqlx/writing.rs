//! INSERT, UPDATE, DELETE, upsert and COPY in.

use std::str::FromStr;

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveTime, Utc};
use ipnetwork::IpNetwork;
use pgveil_driver_tests::{MARKER, mail};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use sqlx::{Error, Postgres, QueryBuilder, postgres::PgArguments, query::Query, types::Json};
use uuid::Uuid;

use crate::{App, Outcome};

pub const TOKEN: &str = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11";

pub fn birth() -> NaiveDate {
    NaiveDate::from_ymd_opt(1815, 12, 10).unwrap()
}

pub fn seen() -> DateTime<FixedOffset> {
    DateTime::parse_from_rfc3339("2024-06-01T12:30:15.123456+02:00").unwrap()
}

pub fn decimal(text: &str) -> Decimal {
    Decimal::from_str(text).unwrap()
}

fn insert(app: &App) -> Query<'static, Postgres, PgArguments> {
    let places: Vec<_> = (1..=19).map(|n| format!("${n}")).collect();
    app.sql(format!("INSERT INTO customers (name, email, ssn, phone, birth, balance, visits, points, level, vip, score, seen, local_time, opens, token, photo, prefs, raw, address)
        VALUES ({}) RETURNING id, created", places.join(", ")))
}

pub async fn natural(app: &App) -> Outcome {
    let local = birth().and_hms_milli_opt(7, 0, 0, 500).unwrap();
    let opens = NaiveTime::from_hms_milli_opt(9, 0, 0, 250).unwrap();
    app.query(
        "ada",
        insert(app)
            .bind("Ada")
            .bind(mail("ada"))
            .bind(format!("{MARKER}-0001"))
            .bind(format!("+49 {MARKER}"))
            .bind(birth())
            .bind(decimal("1234.56"))
            .bind(12_i32)
            .bind(1_i64 << 40)
            .bind(3_i16)
            .bind(true)
            .bind(2.5_f64)
            .bind(seen())
            .bind(local)
            .bind(opens)
            .bind(Uuid::from_str(TOKEN).unwrap())
            .bind(vec![0_u8, 1, 255])
            .bind(json!({ "theme": format!("dark {MARKER}") }))
            .bind(Json(vec![1, 2]))
            .bind(IpNetwork::from_str("10.1.2.3/24").unwrap()),
    )
    .await;
    app.query(
        "dan",
        insert(app)
            .bind("Dan")
            .bind(mail("dan"))
            .bind(Some("5"))
            .bind(Some("30"))
            .bind(Some(birth()))
            .bind(decimal("-77.1"))
            .bind(Some(44_i32))
            .bind(Some(55_i64))
            .bind(Some(-6_i16))
            .bind(Some(false))
            .bind(Some(1e-3_f64))
            .bind(seen().with_timezone(&Utc))
            .bind(local)
            .bind(NaiveTime::MIN)
            .bind(Some(Uuid::nil()))
            .bind(Vec::<u8>::new())
            .bind(json!(null))
            .bind(json!("text"))
            .bind(IpNetwork::from_str("::1").unwrap()),
    )
    .await;
    for (index, card) in ["4111", "5500", "4111", "3400"].into_iter().enumerate() {
        app.query(card, app.sql("INSERT INTO orders (customer_id, card, amount, note) VALUES ($1, $2, $3, $4) RETURNING id, card, amount, note")
            .bind(i32::try_from(index % 2 + 1).unwrap()).bind(format!("{card}{MARKER}")).bind(Decimal::new(i64::try_from(index).unwrap() * 1000 + 5, 2)).bind(format!("note {MARKER}"))).await;
    }
    Ok(())
}

pub async fn nulls(app: &App) -> Outcome {
    app.query(
        "bob",
        insert(app)
            .bind("Bob")
            .bind(mail("bob"))
            .bind(None::<String>)
            .bind(None::<&str>)
            .bind(None::<NaiveDate>)
            .bind(Decimal::ZERO)
            .bind(None::<i32>)
            .bind(None::<i64>)
            .bind(None::<i16>)
            .bind(None::<bool>)
            .bind(None::<f64>)
            .bind(None::<DateTime<Utc>>)
            .bind(None::<chrono::NaiveDateTime>)
            .bind(None::<NaiveTime>)
            .bind(None::<Uuid>)
            .bind(None::<Vec<u8>>)
            .bind(None::<Value>)
            .bind(None::<Json<i32>>)
            .bind(None::<IpNetwork>),
    )
    .await;
    Ok(())
}

pub async fn edges(app: &App) -> Outcome {
    let last = NaiveTime::from_hms_micro_opt(23, 59, 59, 999_999).unwrap();
    app.query(
        "max",
        insert(app)
            .bind("Max")
            .bind(mail("max"))
            .bind("99999999999")
            .bind("é".repeat(300))
            .bind(NaiveDate::from_ymd_opt(9999, 12, 31).unwrap())
            .bind(decimal("9999999999.99"))
            .bind(i32::MAX)
            .bind(i64::MAX)
            .bind(i16::MAX)
            .bind(true)
            .bind(f64::NAN)
            .bind(DateTime::<Utc>::UNIX_EPOCH)
            .bind(birth().and_time(last))
            .bind(last)
            .bind(Uuid::max())
            .bind(vec![255_u8; 200])
            .bind(json!({}))
            .bind(json!(""))
            .bind(IpNetwork::from_str("2001:db8::/32").unwrap()),
    )
    .await;
    app.query("infinities", app.sql("INSERT INTO customers (name, email, balance, birth, seen, score, visits) VALUES ('Infinity', $1, 1, NULL, NULL, $2, $3) RETURNING balance, birth, seen, score, visits")
        .bind(mail("infinity")).bind(f64::NEG_INFINITY).bind(i32::MIN)).await;
    app.exec(
        "plain types for others",
        app.sql("INSERT INTO customers (name, email, balance, visits) VALUES ('Other', $1, $2, $3)")
            .bind(mail("other"))
            .bind(7_i32)
            .bind(8_i16),
    )
    .await;
    Ok(())
}

pub async fn push_values(app: &App) -> Outcome {
    let mut builder = QueryBuilder::<Postgres>::new("INSERT INTO orders (customer_id, card, amount, note) ");
    builder.push_values(0..50_i32, |mut row, n| {
        row.push_bind(2_i32)
            .push_bind(format!("push{n}{MARKER}"))
            .push_bind(Decimal::from(n))
            .push_bind((n % 2 == 0).then(|| format!("note {MARKER}")));
    });
    app.exec("rows", builder.build().persistent(app.persistent)).await;
    app.query(
        "some",
        app.sql("SELECT card, amount, note FROM orders WHERE card IN ($1, $2) ORDER BY id")
            .bind(format!("push7{MARKER}"))
            .bind(format!("push48{MARKER}")),
    )
    .await;
    Ok(())
}

pub async fn arrays(app: &App) -> Outcome {
    let cards: Vec<_> = (0..3).map(|n| format!("array{n}{MARKER}")).collect();
    app.query("unnest", app.sql("INSERT INTO orders (customer_id, card, amount) SELECT 2, * FROM UNNEST($1::text[], $2::numeric[]) RETURNING card, amount")
        .bind(cards).bind(vec![decimal("1.5"); 3])).await;
    Ok(())
}

pub async fn large(app: &App) -> Outcome {
    for text in ["日本語", "👩‍👩‍👧", "İstanbul ß", "tab\tnew\nline\\ ' \" $1 ;--"] {
        let card = format!("{text}{MARKER}");
        app.query(
            "insert",
            app.sql("INSERT INTO orders (customer_id, card, amount, note) VALUES (2, $1, 1, $2) RETURNING card, note")
                .bind(card.clone())
                .bind(text),
        )
        .await;
        app.query("found", app.sql("SELECT card, note FROM orders WHERE card = $1").bind(card)).await;
    }
    let text = "0123456789abcdeé".repeat(1 << 16);
    app.query(
        "text",
        app.sql("INSERT INTO orders (customer_id, card, amount, note) VALUES (1, $1, 1, $2) RETURNING card, note")
            .bind(format!("large{MARKER}"))
            .bind(text.clone()),
    )
    .await;
    app.query(
        "bytea",
        app.sql("UPDATE customers SET photo = $1 WHERE name = 'Ada' RETURNING photo").bind(text.into_bytes()),
    )
    .await;
    app.exec("small again", app.sql("UPDATE customers SET photo = $1 WHERE name = 'Ada'").bind(vec![1_u8])).await;
    app.exec("nul", app.sql("UPDATE orders SET note = $1").bind("a\0b")).await;
    Ok(())
}

pub async fn update(app: &App) -> Outcome {
    app.query("returning", app.sql("UPDATE customers SET visits = $1, phone = $2, birth = $3 WHERE email = $4 RETURNING id, visits, phone, birth")
        .bind(99_i32).bind(format!("new {MARKER}")).bind(birth()).bind(mail("bob"))).await;
    app.exec("none", app.sql("UPDATE customers SET visits = $1 WHERE email = $2").bind(1_i32).bind("nobody")).await;
    app.exec(
        "to null",
        app.sql("UPDATE customers SET points = NULL, photo = $1 WHERE visits = $2").bind(None::<Vec<u8>>).bind(99_i32),
    )
    .await;
    app.exec(
        "from",
        app.sql("UPDATE orders o SET note = $1 FROM customers c WHERE c.id = o.customer_id AND c.email = $2")
            .bind(format!("from {MARKER}"))
            .bind(mail("ada")),
    )
    .await;
    Ok(())
}

pub async fn upsert(app: &App) -> Outcome {
    for (name, phone, visits) in [("Gus", "1", 1_i32), ("Gustav", "2", 2)] {
        app.query(name, app.sql("INSERT INTO customers (name, email, phone, visits, balance) VALUES ($1, $2, $3, $4, 1) ON CONFLICT (email)
            DO UPDATE SET name = EXCLUDED.name, phone = EXCLUDED.phone, visits = EXCLUDED.visits RETURNING id, name, email, phone, visits")
            .bind(name).bind(mail("gus")).bind(phone).bind(visits)).await;
    }
    app.exec(
        "nothing",
        app.sql("INSERT INTO customers (name, email, balance) VALUES ($1, $2, 0) ON CONFLICT DO NOTHING")
            .bind("No")
            .bind(mail("gus")),
    )
    .await;
    Ok(())
}

pub async fn delete(app: &App) -> Outcome {
    app.query(
        "returning",
        app.sql("DELETE FROM orders WHERE card = $1 RETURNING id, card, amount").bind(format!("push7{MARKER}")),
    )
    .await;
    app.exec("none", app.sql("DELETE FROM orders WHERE card = $1").bind(format!("push7{MARKER}"))).await;
    Ok(())
}

async fn copy(app: &App, label: &str, sql: &str, data: &str) {
    let outcome = async {
        let mut connection = app.pool.acquire().await?;
        let mut copy = connection.copy_in_raw(sql).await?;
        for chunk in data.as_bytes().chunks(7) {
            copy.send(chunk).await?;
        }
        copy.finish().await
    };
    app.note(label, outcome.await);
}

pub async fn copy_in(app: &App) -> Outcome {
    copy(
        app,
        "text",
        "COPY orders (customer_id, card, amount, note) FROM STDIN",
        &format!("1\tt1{MARKER}\t1.005\t\\N\n1\tt\\t2{MARKER}\t2\tline\\nbreak\n"),
    )
    .await;
    copy(app, "csv", "COPY customers (name, email, phone, birth, balance) FROM STDIN WITH (FORMAT csv, HEADER)",
        &format!("name,email,phone,birth,balance\nCsv,csv1@{MARKER},\"1,5\",1999-12-31,1\n\"Csv \"\"q\"\"\",csv2@{MARKER},,,2.5\n")).await;
    app.query(
        "back",
        app.sql("SELECT id, name, email, phone, birth, balance FROM customers WHERE name LIKE 'Csv%' ORDER BY id"),
    )
    .await;
    app.query("found", app.sql("SELECT amount, note FROM orders WHERE card = $1").bind(format!("t\t2{MARKER}"))).await;
    let mut connection = app.pool.acquire().await?;
    let mut copy = connection.copy_in_raw("COPY orders (customer_id, card, amount) FROM STDIN").await?;
    copy.send(b"1\tgone\t1\n".as_slice()).await?;
    app.note("aborted", copy.abort("changed my mind").await.map(|()| true));
    Ok(())
}

pub async fn copy_errors(app: &App) -> Outcome {
    copy(app, "unique", "COPY customers (name, email, balance) FROM STDIN", &format!("X\t{}\t1\n", mail("ada"))).await;
    copy(app, "not null", "COPY customers (name, email, balance) FROM STDIN", "X\t\\N\t1\n").await;
    copy(app, "bad number", "COPY orders (customer_id, card, amount) FROM STDIN", "1\tx\t1\n1\ty\tnumber\n").await;
    copy(app, "foreign key", "COPY orders (customer_id, card, amount) FROM STDIN", "999\tx\t1\n").await;
    copy(app, "no column", "COPY orders (customer_id, nothing) FROM STDIN", "").await;
    app.query("going on", app.sql("SELECT count(*) FROM orders")).await;
    Ok::<_, Error>(())
}
