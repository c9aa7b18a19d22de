//! What a program sees of a row, with the Rust types of its columns.

use std::error::Error;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use cidr::IpInet;
use pgveil_driver_tests::{hex, short};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use tokio_postgres::{
    Column, Row,
    types::{FromSql, Type},
};
use uuid::Uuid;

/// A value as it came.
pub struct Raw(pub String);

impl<'a> FromSql<'a> for Raw {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(hex(raw)))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

pub fn columns(columns: &[Column]) -> Value {
    let shown = |column: &Column| {
        json!([
            column.name(),
            column.type_().name(),
            column.table_oid().is_some(),
            column.column_id(),
            column.type_modifier()
        ])
    };
    columns.iter().map(shown).collect()
}

fn debug<'a, T: FromSql<'a> + std::fmt::Debug>(row: &'a Row, index: usize) -> Value {
    match row.try_get::<_, Option<T>>(index) {
        Ok(None) => Value::Null,
        Ok(Some(value)) => short(&format!("{value:?}")).into(),
        Err(error) => json!({ "cannot": error.to_string(), "since": error.source().map(ToString::to_string) }),
    }
}

pub fn cell(row: &Row, index: usize) -> Value {
    match *row.columns()[index].type_() {
        Type::BOOL => debug::<bool>(row, index),
        Type::INT2 => debug::<i16>(row, index),
        Type::INT4 => debug::<i32>(row, index),
        Type::INT8 => debug::<i64>(row, index),
        Type::FLOAT8 => debug::<f64>(row, index),
        Type::NUMERIC => debug::<Decimal>(row, index),
        Type::TEXT | Type::VARCHAR | Type::BPCHAR => debug::<&str>(row, index),
        Type::DATE => debug::<NaiveDate>(row, index),
        Type::TIME => debug::<NaiveTime>(row, index),
        Type::TIMESTAMP => debug::<NaiveDateTime>(row, index),
        Type::TIMESTAMPTZ => debug::<DateTime<Utc>>(row, index),
        Type::UUID => debug::<Uuid>(row, index),
        Type::BYTEA => debug::<&[u8]>(row, index),
        Type::JSON | Type::JSONB => debug::<Value>(row, index),
        Type::INET => debug::<IpInet>(row, index),
        _ => raw(row, index),
    }
}

pub fn raw(row: &Row, index: usize) -> Value {
    row.get::<_, Option<Raw>>(index).map_or(Value::Null, |raw| raw.0.into())
}

pub fn row(row: &Row) -> Value {
    (0..row.len()).map(|index| cell(row, index)).collect()
}
