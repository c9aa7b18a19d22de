//! Asking the server.

use std::error::Error;

use super::Setting;
use bytes::{BufMut as _, BytesMut};
use pgveil::{
    cli::demo::cluster::{Cluster, ClusterOptions},
    values::{EnumDefinition, EnumType, LogicalType},
};
use tokio_postgres::{
    Client, NoTls,
    types::{Format, IsNull, Kind, ToSql, Type},
};

/// What became of a value.
#[derive(Debug, PartialEq)]
pub enum Answer {
    /// As text and as its send function gives it.
    Value {
        text: String,
        canon: Vec<u8>,
    },
    /// A cast that gives NULL.
    Null,
    Error {
        sqlstate: String,
        message: String,
        detail: Option<String>,
        hint: Option<String>,
    },
}

impl Answer {
    pub fn sqlstate(&self) -> Option<&str> {
        match self {
            Self::Value { .. } | Self::Null => None,
            Self::Error { sqlstate, .. } => Some(sqlstate),
        }
    }
}

pub struct Server {
    client: Client,
    _cluster: Option<Cluster>,
}

const FUNCTIONS: &str = "
create or replace function try_insert(tab text, send text, literal text) returns text[] language plpgsql as $f$
declare r text[]; state text; message text; detail text; hint text;
begin
    execute format('insert into %I(c) values (%s) returning array[format(''%%s'', c), encode(%I(c), ''hex'')]',
        tab, literal, send) into r;
    return r;
exception when others then
    get stacked diagnostics state = returned_sqlstate, message = message_text,
        detail = pg_exception_detail, hint = pg_exception_hint;
    return array[state, message, nullif(detail, ''), nullif(hint, '')];
end $f$;
create or replace function try_evaluate(question text) returns text[] language plpgsql as $f$
declare r bool; state text; message text;
begin
    execute 'select ' || question into r;
    return array[r::text];
exception when others then
    get stacked diagnostics state = returned_sqlstate, message = message_text;
    return array[state, message];
end $f$;";

/// A string literal of SQL with `standard_conforming_strings`.
pub fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn send_function(ty: LogicalType) -> &'static str {
    match ty {
        LogicalType::Text => "textsend",
        LogicalType::Varchar(_) => "varcharsend",
        LogicalType::Char(_) => "bpcharsend",
        LogicalType::Bool => "boolsend",
        LogicalType::Int2 => "int2send",
        LogicalType::Int4 => "int4send",
        LogicalType::Int8 => "int8send",
        LogicalType::Numeric(_) => "numeric_send",
        LogicalType::Date => "date_send",
        LogicalType::Timestamptz(_) => "timestamptz_send",
        LogicalType::Timestamp(_) => "timestamp_send",
        LogicalType::Time(_) => "time_send",
        LogicalType::Json => "json_send",
        LogicalType::Inet => "inet_send",
        LogicalType::Cidr => "cidr_send",
        LogicalType::Macaddr => "macaddr_send",
        LogicalType::Macaddr8 => "macaddr8_send",
        LogicalType::Interval(_) => "interval_send",
        LogicalType::Timetz(_) => "timetz_send",
        LogicalType::Float4 => "float4send",
        LogicalType::Float8 => "float8send",
        LogicalType::Uuid => "uuid_send",
        LogicalType::Bytea => "byteasend",
        LogicalType::Jsonb => "jsonb_send",
        LogicalType::Enum(_) => "enum_send",
        LogicalType::Array(_) => "array_send",
    }
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

fn value(row: &[Option<String>]) -> Answer {
    Answer::Value { text: row[0].clone().unwrap(), canon: unhex(row[1].as_deref().unwrap()) }
}

impl Server {
    /// A server with one table per type.
    pub async fn start(types: &[&str]) -> Self {
        let (cluster, address) = match std::env::var("PGVEIL_ORACLE_SERVER") {
            Ok(address) => (None, address),
            Err(_) => {
                let cluster = Cluster::start(&ClusterOptions::default()).unwrap();
                let address = cluster.conn_string("postgres");
                (Some(cluster), address)
            }
        };
        let (client, connection) = tokio_postgres::connect(&address, NoTls).await.unwrap();
        tokio::spawn(connection);
        client.batch_execute("set client_min_messages = warning; set search_path = pg_catalog, pg_temp").await.unwrap();
        client.batch_execute(&FUNCTIONS.replace("function try", "function pg_temp.try")).await.unwrap();
        for ty in types {
            client.batch_execute(&format!("create temp table \"of {ty}\" (c {ty})")).await.unwrap();
        }
        Self { client, _cluster: cluster }
    }

    pub async fn set(&self, setting: Setting) {
        let sql = format!(
            "set datestyle = '{}'; set timezone = '{}'; set bytea_output = '{}'; \
             set extra_float_digits = {}; set intervalstyle = {}",
            setting.date_style,
            setting.time_zone,
            setting.bytea_output,
            setting.extra_float_digits,
            setting.interval_style
        );
        self.client.batch_execute(&sql).await.unwrap();
    }

    pub async fn sql(&self, sql: &str) {
        self.client.batch_execute(sql).await.unwrap();
    }

    /// `INSERT INTO table_of_type VALUES (literal)` for each.
    pub async fn insert(&self, ty: &str, literals: &[String]) -> Vec<Answer> {
        self.insert_as(ty, LogicalType::parse(ty).unwrap(), literals).await
    }

    /// Likewise, into the table of this name.
    pub async fn insert_as(&self, name: &str, ty: LogicalType, literals: &[String]) -> Vec<Answer> {
        let send = send_function(ty);
        let rows = self
            .client
            .query(
                "select pg_temp.try_insert($1, $2, l) from unnest($3::text[]) with ordinality u(l, n) order by n",
                &[&format!("of {name}"), &send, &literals],
            )
            .await
            .unwrap();
        assert_eq!(rows.len(), literals.len());
        rows.iter().map(|row| row.get::<_, Vec<Option<String>>>(0)).map(|row| answer(&row)).collect()
    }

    /// An enum type, and a table of it, as `create type` makes them.
    pub async fn enumeration(&self, name: &str, labels: &[&str]) -> EnumType {
        let literals: Vec<String> = labels.iter().map(|label| literal(label)).collect();
        let sql = format!(
            "create schema enums; create type enums.{name} as enum ({}); create temp table \"of {name}\" (c enums.{name})",
            literals.join(", ")
        );
        self.client.batch_execute(&sql).await.unwrap();
        let oids = "select oid, typarray from pg_type where typname = $1 and typtype = 'e'";
        let row = self.client.query_one(oids, &[&name]).await.unwrap();
        let ty = EnumType::named("enums", name, String::new());
        ty.define(EnumDefinition {
            oid: row.get(0),
            array_oid: row.get(1),
            labels: labels.iter().map(|&label| label.to_owned()).collect(),
            quoted: [name.to_owned(), format!("enums.{name}")],
            rivals: Vec::new(),
        });
        ty
    }

    /// The value of each boolean expression, or SQLSTATE and message.
    pub async fn evaluate(&self, questions: &[String]) -> Vec<Result<bool, String>> {
        let rows = self
            .client
            .query(
                "select pg_temp.try_evaluate(q) from unnest($1::text[]) with ordinality u(q, n) order by n",
                &[&questions],
            )
            .await
            .unwrap();
        rows.iter()
            .map(|row| match row.get::<_, Vec<String>>(0).as_slice() {
                [truth] => Ok(truth == "true"),
                parts => Err(parts.join(" ")),
            })
            .collect()
    }

    /// `INSERT INTO table_of_type VALUES ($1)` with binary parameters.
    pub async fn bind(&self, name: &str, ty: LogicalType, values: &[Vec<u8>]) -> Vec<Answer> {
        let send = send_function(ty);
        let sql =
            format!("insert into \"of {name}\" values ($1) returning array[format('%s', c), encode({send}(c), 'hex')]");
        let statement = self.client.prepare_typed(&sql, &[type_of(ty)]).await.unwrap();
        let mut answers = Vec::new();
        for bytes in values {
            answers.push(match self.client.query_one(&statement, &[&Raw(bytes)]).await {
                Ok(row) => value(&row.get::<_, Vec<Option<String>>>(0)),
                Err(e) => {
                    let e = e.as_db_error().unwrap_or_else(|| panic!("{e}"));
                    Answer::Error {
                        sqlstate: e.code().code().to_owned(),
                        message: e.message().replace(" in bind parameter 1", ""),
                        detail: e.detail().map(str::to_owned),
                        hint: e.hint().map(str::to_owned),
                    }
                }
            });
        }
        answers
    }
}

fn type_of(ty: LogicalType) -> Type {
    match ty {
        LogicalType::Enum(own) => {
            Type::new(own.name().to_owned(), own.oid(), Kind::Enum(Vec::new()), own.schema().to_owned())
        }
        _ => Type::from_oid(ty.oid()).unwrap(),
    }
}

fn answer(row: &[Option<String>]) -> Answer {
    if row.len() == 2 {
        return if row[1].is_none() { Answer::Null } else { value(row) };
    }
    let text = |at: usize| row[at].clone().unwrap();
    Answer::Error {
        sqlstate: text(0),
        message: text(1).replace("column \"c\" is", "column is"),
        detail: row[2].clone(),
        hint: row[3].clone(),
    }
}

/// A parameter's bytes as they are.
#[derive(Debug)]
struct Raw<'a>(&'a [u8]);

impl ToSql for Raw<'_> {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        out.put_slice(self.0);
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Binary
    }

    fn to_sql_checked(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        self.to_sql(ty, out)
    }
}
