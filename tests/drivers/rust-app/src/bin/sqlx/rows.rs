//! What a program sees of a row, with the Rust types of its columns.

use std::fmt::Debug;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use ipnetwork::IpNetwork;
use pgveil_driver_tests::{hex, short};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use sqlx::{Column, Decode, Postgres, Row, Type, TypeInfo, ValueRef, postgres::PgRow};
use uuid::Uuid;

fn debug<'r, T: Decode<'r, Postgres> + Type<Postgres> + Debug>(row: &'r PgRow, index: usize) -> Value {
    match row.try_get::<Option<T>, _>(index) {
        Ok(None) => Value::Null,
        Ok(Some(value)) => short(&format!("{value:?}")).into(),
        Err(error) => json!({ "cannot": error.to_string() }),
    }
}

fn cell(row: &PgRow, index: usize) -> Value {
    match row.column(index).type_info().name() {
        "BOOL" => debug::<bool>(row, index),
        "INT2" => debug::<i16>(row, index),
        "INT4" => debug::<i32>(row, index),
        "INT8" => debug::<i64>(row, index),
        "FLOAT8" => debug::<f64>(row, index),
        "NUMERIC" => debug::<Decimal>(row, index),
        "TEXT" | "VARCHAR" | "CHAR" => debug::<&str>(row, index),
        "DATE" => debug::<NaiveDate>(row, index),
        "TIME" => debug::<NaiveTime>(row, index),
        "TIMESTAMP" => debug::<NaiveDateTime>(row, index),
        "TIMESTAMPTZ" => debug::<DateTime<Utc>>(row, index),
        "UUID" => debug::<Uuid>(row, index),
        "BYTEA" => debug::<Vec<u8>>(row, index),
        "JSON" | "JSONB" => debug::<Value>(row, index),
        "INET" => debug::<IpNetwork>(row, index),
        _ => raw(row, index),
    }
}

/// A value as it came.
pub fn raw(row: &PgRow, index: usize) -> Value {
    match row.try_get_raw(index) {
        Ok(value) if value.is_null() => Value::Null,
        Ok(value) => value.as_bytes().map_or(Value::Null, |bytes| hex(bytes).into()),
        Err(error) => json!({ "cannot": error.to_string() }),
    }
}

pub fn row(row: &PgRow) -> Value {
    (0..row.len()).map(|index| cell(row, index)).collect()
}
