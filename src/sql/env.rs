//! What of a session decides how names resolve and how strings are lexed.

use std::sync::Arc;

use super::catalog::Relation;

/// A session's environment at one moment. Two equal environments resolve names alike.
#[derive(Clone, Debug, Default)]
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
#[derive(Clone, Debug, Default)]
pub struct RawSettings {
    pub date_style: String,
    pub time_zone: String,
    pub bytea_output: String,
    pub client_encoding: String,
}
pub const QUERY: &str = "SELECT pg_catalog.array_to_string(pg_catalog.current_schemas(true), ','), current_user, pg_catalog.current_setting('standard_conforming_strings'), pg_catalog.current_setting('DateStyle'), pg_catalog.current_setting('TimeZone'), pg_catalog.current_setting('bytea_output'), pg_catalog.current_setting('client_encoding')";
#[derive(Debug, thiserror::Error)]
#[error("env")]
pub struct EnvError;
pub fn parse_row(c: &[Option<&[u8]>]) -> Result<(Env, RawSettings), EnvError> {
    let s = |i: usize| c.get(i).copied().flatten().map(|b| String::from_utf8_lossy(b).into_owned()).ok_or(EnvError);
    Ok((
        Env {
            search_path: s(0)?.split(',').map(str::to_owned).collect(),
            role: s(1)?,
            temp: vec![],
            standard_conforming_strings: s(2)? == "on",
        },
        RawSettings { date_style: s(3)?, time_zone: s(4)?, bytea_output: s(5)?, client_encoding: s(6)? },
    ))
}

impl Env {
    /// Do names resolve alike in both, and strings lex alike?
    pub fn agrees_with(&self, other: &Self) -> bool {
        self.search_path == other.search_path
            && self.role == other.role
            && self.standard_conforming_strings == other.standard_conforming_strings
            && self.temp.len() == other.temp.len()
            && self.temp.iter().zip(&other.temp).all(|(a, b)| a.oid == b.oid && a.name == b.name)
    }
}
