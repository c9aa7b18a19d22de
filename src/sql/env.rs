//! What of a session decides how names resolve and how strings are lexed.

use std::sync::Arc;

use super::catalog::{Relation, RelationRow};

/// A session's environment at one moment. Two equal environments resolve names alike.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Env {
    /// Schemas that an unqualified relation name is looked up in, in order, as
    /// `current_schemas(true)` gives them: includes pg_catalog and the session's own `pg_temp_n`.
    pub search_path: Vec<String>,
    /// `current_user`
    pub role: String,
    /// The session's temporary relations, by name, if it has any.
    pub temp: Vec<Arc<Relation>>,
    /// `standard_conforming_strings`
    pub standard_conforming_strings: bool,
}

/// Settings that decide how the server writes and reads values, as `SHOW` gives them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RawSettings {
    /// `DateStyle`: `ISO, MDY`
    pub date_style: String,
    /// `TimeZone`
    pub time_zone: String,
    /// `bytea_output`: `hex` or `escape`
    pub bytea_output: String,
    /// `extra_float_digits`: `-15` to `3`
    pub extra_float_digits: String,
    /// `client_encoding`
    pub client_encoding: String,
    /// `IntervalStyle`
    pub interval_style: String,
}

/// Why a row is not an answer to [`QUERY`].
#[derive(Debug, thiserror::Error)]
pub enum EnvError {
    /// Not the number of columns that was asked for, or a NULL.
    #[error("the server's answer about the session's environment lacks column {0}")]
    Missing(usize),
    /// A setting is not UTF-8.
    #[error("the server's answer about the session's environment is not UTF-8: {0}")]
    Encoding(#[from] std::str::Utf8Error),
    /// The names are not in hexadecimal digits.
    #[error("the names in the server's answer about the session's environment could not be read: {0}")]
    Hex(#[from] const_hex::FromHexError),
    /// The names are not the JSON that was asked for.
    #[error("the names in the server's answer about the session's environment could not be read: {0}")]
    Json(#[from] serde_json::Error),
}

/// Reads the session's environment on the client's own connection; [`parse_row`] reads the answer.
///
/// One row of eight text columns. Says the same under any search_path, role, encoding and quoting
/// setting: every function, type and operator is qualified, there is no backslash, and names travel
/// as hexadecimal digits of UTF-8 JSON, since client_encoding may have no characters for them. The
/// temporary relations are found through pg_depend, whose index leads to them; pg_class has none by
/// schema.
///
/// No side effect but one: it takes a snapshot, so in a transaction it must not be sent before the
/// client's first statement (`SET TRANSACTION ISOLATION LEVEL` would fail after it). In a failed
/// transaction it fails as everything does.
pub const QUERY: &str = r#"SELECT
pg_catalog.encode(pg_catalog.convert_to(pg_catalog.json_build_array(pg_catalog.current_schemas(true), CURRENT_USER,
CASE WHEN pg_catalog.pg_my_temp_schema() OPERATOR(pg_catalog.<>) 0::pg_catalog.oid THEN (
SELECT pg_catalog.json_agg(pg_catalog.json_build_array(c.oid::pg_catalog.int8, n.nspname, c.relname, c.relkind, (
SELECT pg_catalog.json_agg(pg_catalog.json_build_array(a.attnum, a.attname, a.atttypid::pg_catalog.int8, a.atttypmod,
a.attgenerated OPERATOR(pg_catalog.<>) ''::pg_catalog."char") ORDER BY a.attnum)
FROM pg_catalog.pg_attribute a WHERE a.attrelid OPERATOR(pg_catalog.=) c.oid
AND a.attnum OPERATOR(pg_catalog.>) 0::pg_catalog.int2 AND NOT a.attisdropped)) ORDER BY c.oid)
FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) d.objid
JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
WHERE d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_namespace'::pg_catalog.regclass::pg_catalog.oid
AND d.refobjid OPERATOR(pg_catalog.=) pg_catalog.pg_my_temp_schema()
AND d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid
AND c.relkind OPERATOR(pg_catalog.=) ANY ('{r,p,v,m,f,S}'::pg_catalog."char"[])) END
)::pg_catalog.text, 'UTF8'), 'hex'),
pg_catalog.current_setting('standard_conforming_strings'),
pg_catalog.current_setting('DateStyle'),
pg_catalog.current_setting('TimeZone'),
pg_catalog.current_setting('bytea_output'),
pg_catalog.current_setting('extra_float_digits'),
pg_catalog.current_setting('client_encoding'),
pg_catalog.current_setting('IntervalStyle')"#;

/// The names in the first column: search_path, role, temporary relations.
type Names = (Vec<String>, String, Option<Vec<RelationRow>>);

/// Reads the row that [`QUERY`] returns, its columns in text format.
///
/// # Errors
/// If it is not such a row.
pub fn parse_row(columns: &[Option<&[u8]>]) -> Result<(Env, RawSettings), EnvError> {
    let bytes = |at: usize| columns.get(at).copied().flatten().ok_or(EnvError::Missing(at));
    let text = |at: usize| Ok::<_, EnvError>(std::str::from_utf8(bytes(at)?)?.to_owned());
    let (search_path, role, temp): Names = serde_json::from_slice(&const_hex::decode(bytes(0)?)?)?;
    let env = Env {
        search_path,
        role,
        temp: temp.into_iter().flatten().map(|row| Arc::new(row.into())).collect(),
        standard_conforming_strings: bytes(1)? == b"on",
    };
    let settings = RawSettings {
        date_style: text(2)?,
        time_zone: text(3)?,
        bytea_output: text(4)?,
        extra_float_digits: text(5)?,
        client_encoding: text(6)?,
        interval_style: text(7)?,
    };
    Ok((env, settings))
}

impl Env {
    /// Do names resolve alike in both, and strings lex alike?
    pub fn agrees_with(&self, other: &Self) -> bool {
        self == other
    }
}
