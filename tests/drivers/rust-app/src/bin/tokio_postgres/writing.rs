//! INSERT, UPDATE, DELETE and upsert.

use std::{net::IpAddr, str::FromStr};

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use cidr::IpInet;
use pgveil_driver_tests::{MARKER, mail};
use rust_decimal::Decimal;
use serde_json::json;
use tokio_postgres::types::{Date, Json, Timestamp, Type};
use uuid::Uuid;

use crate::{App, Outcome, Param};

pub const COLUMNS: &str = "name, email, ssn, phone, birth, balance, visits, points, level, vip, score, seen, local_time, opens, token, photo, prefs, raw, address";
pub const TOKEN: &str = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11";

pub fn insert() -> String {
    let places: Vec<_> = (1..=19).map(|n| format!("${n}")).collect();
    format!("INSERT INTO customers ({COLUMNS}) VALUES ({}) RETURNING id, created", places.join(", "))
}

pub fn birth() -> NaiveDate {
    NaiveDate::from_ymd_opt(1815, 12, 10).unwrap()
}

pub fn seen() -> DateTime<FixedOffset> {
    DateTime::parse_from_rfc3339("2024-06-01T12:30:15.123456+02:00").unwrap()
}

pub fn local() -> NaiveDateTime {
    birth().and_hms_milli_opt(7, 0, 0, 500).unwrap()
}

pub fn token() -> Uuid {
    TOKEN.parse().unwrap()
}

pub fn decimal(text: &str) -> Decimal {
    Decimal::from_str(text).unwrap()
}

pub async fn natural(app: &App) -> Outcome {
    let opens = NaiveTime::from_hms_milli_opt(9, 0, 0, 250).unwrap();
    let prefs = json!({ "theme": format!("dark {MARKER}"), "sizes": [1, 2.5, null] });
    let address = IpInet::from_str("10.1.2.3/24").unwrap();
    let photo: &[u8] = &[0, 1, 255, b'\\'];
    let ada: &[Param] = &[
        &"Ada",
        &mail("ada"),
        &format!("{MARKER}-0001"),
        &format!("+49 {MARKER}"),
        &birth(),
        &decimal("1234.56"),
        &12_i32,
        &(1_i64 << 40),
        &3_i16,
        &true,
        &2.5_f64,
        &seen(),
        &local(),
        &opens,
        &token(),
        &photo,
        &prefs,
        &Json(vec![Some(1), None]),
        &address,
    ];
    app.query("ada", &app.client, &insert(), ada).await;
    let address: IpAddr = "2001:db8::ff".parse().unwrap();
    let dan: &[Param] = &[
        &"Dan",
        &mail("dan"),
        &"5",
        &Some("30"),
        &Some(birth()),
        &decimal("-77.1"),
        &Some(44_i32),
        &Some(55_i64),
        &Some(-6_i16),
        &Some(false),
        &Some(1e-3_f64),
        &seen().with_timezone(&Utc),
        &Some(local()),
        &Some(NaiveTime::MIN),
        &Some(token()),
        &Vec::<u8>::new(),
        &json!(null),
        &json!("text"),
        &address,
    ];
    app.query("dan", &app.client, &insert(), dan).await;
    Ok(())
}

pub async fn nulls(app: &App) -> Outcome {
    let bob: &[Param] = &[
        &"Bob",
        &mail("bob"),
        &None::<String>,
        &None::<&str>,
        &None::<NaiveDate>,
        &Decimal::ZERO,
        &None::<i32>,
        &None::<i64>,
        &None::<i16>,
        &None::<bool>,
        &None::<f64>,
        &None::<DateTime<Utc>>,
        &None::<NaiveDateTime>,
        &None::<NaiveTime>,
        &None::<Uuid>,
        &None::<Vec<u8>>,
        &None::<serde_json::Value>,
        &None::<Json<i32>>,
        &None::<IpInet>,
    ];
    app.query("bob", &app.client, &insert(), bob).await;
    Ok(())
}

pub async fn edges(app: &App) -> Outcome {
    let last = NaiveTime::from_hms_micro_opt(23, 59, 59, 999_999).unwrap();
    let any: IpAddr = "::".parse().unwrap();
    let max: &[Param] = &[
        &"Max",
        &mail("max"),
        &"99999999999",
        &"é".repeat(300),
        &Date::<NaiveDate>::PosInfinity,
        &decimal("9999999999.99"),
        &i32::MAX,
        &i64::MAX,
        &i16::MAX,
        &true,
        &f64::NAN,
        &Timestamp::<DateTime<Utc>>::PosInfinity,
        &Timestamp::<NaiveDateTime>::NegInfinity,
        &last,
        &Uuid::nil(),
        &vec![255_u8; 200],
        &json!({}),
        &json!(""),
        &any,
    ];
    app.query("max", &app.client, &insert(), max).await;
    let early = NaiveDate::from_ymd_opt(1, 1, 1).unwrap();
    let min: &[Param] = &[
        &"Min",
        &mail("min"),
        &"",
        &"",
        &early,
        &decimal("-9999999999.99"),
        &i32::MIN,
        &i64::MIN,
        &i16::MIN,
        &false,
        &f64::NEG_INFINITY,
        &early.and_time(NaiveTime::MIN).and_utc(),
        &early.and_time(last),
        &NaiveTime::MIN,
        &Uuid::max(),
        &vec![0_u8],
        &json!([]),
        &json!(0),
        &IpInet::from_str("0.0.0.0/0").unwrap(),
    ];
    app.query("min", &app.client, &insert(), min).await;
    app.query(
        "more digits",
        &app.client,
        "INSERT INTO customers (name, email, balance, score) VALUES ('Digits', $1, $2, $3) RETURNING balance, score",
        &[&mail("digits"), &decimal("10.0050000000000000001"), &f64::MIN_POSITIVE],
    )
    .await;
    Ok(())
}

/// Types declared by the program, as `query_typed` and `prepare_typed` do.
pub async fn typed(app: &App) -> Outcome {
    const SQL: &str = "INSERT INTO customers (name, email, visits, balance, birth) VALUES ($1, $2, $3, $4, $5) RETURNING email, visits, balance, birth";
    let rows = app
        .client
        .query_typed(
            SQL,
            &[
                (&"Typed", Type::TEXT),
                (&mail("typed"), Type::VARCHAR),
                (&7_i32, Type::INT4),
                (&decimal("1.5"), Type::NUMERIC),
                (&birth(), Type::DATE),
            ],
        )
        .await;
    app.note("as the columns", rows.map(|rows| rows.iter().map(crate::values::row).collect::<Vec<_>>()));
    let rows = app
        .client
        .query_typed(
            SQL,
            &[
                (&"Typed", Type::TEXT),
                (&mail("typed2"), Type::TEXT),
                (&7_i16, Type::INT2),
                (&8_i32, Type::INT4),
                (&local(), Type::TIMESTAMP),
            ],
        )
        .await;
    app.note("others", rows.map(|rows| rows.iter().map(crate::values::row).collect::<Vec<_>>()));
    let found = app
        .client
        .query_typed(
            "SELECT name FROM customers WHERE visits = $1 AND email = $2",
            &[(&7_i64, Type::INT8), (&mail("typed"), Type::TEXT)],
        )
        .await;
    app.note("found", found.map(|rows| rows.iter().map(crate::values::row).collect::<Vec<_>>()));
    let statement = app.client.prepare_typed(SQL, &[Type::TEXT, Type::TEXT, Type::INT8]).await;
    match statement {
        Ok(statement) => {
            app.prepared(
                "by statement",
                &statement,
                &[&"Typed", &mail("typed3"), &9_i64, &decimal("2"), &None::<NaiveDate>],
            )
            .await
        }
        Err(error) => app.note("statement", Err::<u8, _>(error)),
    }
    Ok(())
}

/// Text with casts, the way programs pass types that they have no Rust type for.
pub async fn text(app: &App) -> Outcome {
    app.query("literals", &app.client, &format!("INSERT INTO customers (name, email, visits, balance, birth, token, vip) VALUES ('Literals', '{}', '8', 1e2, 'Feb 3 2001', '{TOKEN}', 'yes') RETURNING visits, balance, birth, token, vip", mail("literals")), &[]).await;
    let simple = app.client.simple_query(&format!("INSERT INTO customers (name, email, balance) VALUES ('Simple', '{}', 1); SELECT email, balance FROM customers WHERE email = '{0}'", mail("simple"))).await;
    app.note("simple", simple.map(crate::reading::simple_messages));
    Ok(())
}

/// The usual way to give a number as text, which is undone at once: whether it works or not, nothing is left.
pub async fn casts_of_casts(app: &App) -> Outcome {
    app.client.batch_execute("BEGIN").await?;
    app.query("casts", &app.client, "INSERT INTO customers (id, name, email, visits, balance) VALUES (1000, 'Casts', $1, $2::text::int, 1) RETURNING visits", &[&mail("casts"), &"7"]).await;
    app.client.batch_execute("ROLLBACK").await
}

pub async fn orders(app: &App) -> Outcome {
    let statement = app.client.prepare("INSERT INTO orders (customer_id, card, amount, note) VALUES ($1, $2, $3, $4) RETURNING id, card, amount, note").await?;
    for (index, card) in ["4111", "5500", "4111", "3400"].into_iter().enumerate() {
        let amount = Decimal::new(i64::try_from(index).unwrap() * 1000 + 5, 2);
        app.prepared(card, &statement, &[&1_i32, &format!("{card}{MARKER}"), &amount, &format!("note {MARKER}")]).await;
    }
    app.query("several rows", &app.client, "INSERT INTO orders (customer_id, card, amount, status) VALUES ($1, $2, $3, 'paid'), ($4, $5, $6, DEFAULT) RETURNING *",
        &[&1_i32, &format!("m1{MARKER}"), &decimal("1.10"), &2_i32, &format!("m2{MARKER}"), &decimal("2")]).await;
    Ok(())
}

pub async fn unicode(app: &App) -> Outcome {
    for text in ["日本語", "👩‍👩‍👧", "İstanbul ß", "a\u{301}", "\u{202e} rtl", "tab\tnew\nline\\ ' \" $1 ;--"]
    {
        let card = format!("{text}{MARKER}");
        app.query(
            "insert",
            &app.client,
            "INSERT INTO orders (customer_id, card, amount, note) VALUES (2, $1, 1, $2) RETURNING card, note",
            &[&card, &text],
        )
        .await;
        app.query("found", &app.client, "SELECT card, note FROM orders WHERE card = $1", &[&card]).await;
    }
    app.exec("nul", &app.client, "UPDATE orders SET note = $1", &[&"a\0b"]).await;
    Ok(())
}

pub async fn large(app: &App) -> Outcome {
    let text = "0123456789abcdeé".repeat(1 << 16);
    app.query(
        "text",
        &app.client,
        "INSERT INTO orders (customer_id, card, amount, note) VALUES (1, $1, 1, $2) RETURNING card, note",
        &[&format!("large{MARKER}"), &text],
    )
    .await;
    app.query(
        "bytea",
        &app.client,
        "UPDATE customers SET photo = $1 WHERE name = 'Ada' RETURNING photo",
        &[&text.as_bytes()],
    )
    .await;
    app.query(
        "back",
        &app.client,
        "SELECT o.note, c.photo FROM orders o JOIN customers c ON c.id = o.customer_id WHERE o.card = $1",
        &[&format!("large{MARKER}")],
    )
    .await;
    app.exec("no photo", &app.client, "UPDATE customers SET photo = $1 WHERE name = 'Ada'", &[&[1_u8, 0].as_slice()])
        .await;
    app.exec(
        "shorter again",
        &app.client,
        "UPDATE orders SET note = NULL WHERE card = $1",
        &[&format!("large{MARKER}")],
    )
    .await;
    Ok(())
}

pub async fn update(app: &App) -> Outcome {
    app.query(
        "returning",
        &app.client,
        "UPDATE customers SET visits = $1, phone = $2, birth = $3 WHERE email = $4 RETURNING id, visits, phone, birth",
        &[&99_i32, &format!("new {MARKER}"), &birth(), &mail("bob")],
    )
    .await;
    app.exec("none", &app.client, "UPDATE customers SET visits = $1 WHERE email = $2", &[&1_i32, &"nobody"]).await;
    app.exec(
        "to null",
        &app.client,
        "UPDATE customers SET points = NULL, photo = $1 WHERE visits = $2",
        &[&None::<Vec<u8>>, &99_i32],
    )
    .await;
    app.exec(
        "from",
        &app.client,
        "UPDATE orders o SET note = $1 FROM customers c WHERE c.id = o.customer_id AND c.email = $2",
        &[&format!("from {MARKER}"), &mail("ada")],
    )
    .await;
    app.exec("key", &app.client, "UPDATE customers SET email = $1 WHERE email = $2", &[&mail("robert"), &mail("bob")])
        .await;
    app.exec(
        "and back",
        &app.client,
        "UPDATE customers SET email = $1 WHERE email = $2",
        &[&mail("bob"), &mail("robert")],
    )
    .await;
    Ok(())
}

pub async fn upsert(app: &App) -> Outcome {
    const SQL: &str = "INSERT INTO customers (name, email, phone, visits, balance) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (email) DO UPDATE SET name = EXCLUDED.name, phone = EXCLUDED.phone, visits = EXCLUDED.visits, balance = EXCLUDED.balance
        RETURNING id, name, email, phone, visits, balance";
    app.query("new", &app.client, SQL, &[&"Gus", &mail("gus"), &"1", &1_i32, &decimal("1")]).await;
    app.query("existing", &app.client, SQL, &[&"Gustav", &mail("gus"), &"2", &2_i32, &decimal("2.5")]).await;
    app.exec(
        "nothing",
        &app.client,
        "INSERT INTO customers (name, email, balance) VALUES ($1, $2, 0) ON CONFLICT DO NOTHING",
        &[&"No", &mail("gus")],
    )
    .await;
    Ok(())
}

pub async fn delete(app: &App) -> Outcome {
    app.query(
        "returning",
        &app.client,
        "DELETE FROM orders WHERE card = $1 RETURNING id, card, amount",
        &[&format!("m2{MARKER}")],
    )
    .await;
    app.exec("none", &app.client, "DELETE FROM orders WHERE card = $1", &[&format!("m2{MARKER}")]).await;
    Ok(())
}

pub async fn arrays(app: &App) -> Outcome {
    let cards: Vec<_> = (0..3).map(|n| format!("array{n}{MARKER}")).collect();
    let amounts = vec![decimal("1.5"); 3];
    app.query("unnest", &app.client, "INSERT INTO orders (customer_id, card, amount) SELECT 2, card, amount FROM unnest($1::text[], $2::numeric[]) AS t (card, amount) RETURNING card, amount",
        &[&cards, &amounts]).await;
    Ok(())
}
