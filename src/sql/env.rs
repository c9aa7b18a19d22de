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
