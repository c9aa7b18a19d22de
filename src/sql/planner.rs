//! One statement → [`Outcome`].

use super::{catalog::Catalog, env::Env, grammar::Parsed, model::Outcome};

/// Plans one statement of a parsed text.
///
/// `index` picks the statement; edits and positions in the outcome are relative to the start of that
/// statement's text ([`Parsed::statement_text`]). `declared` are the client's parameter type OIDs
/// (0 or missing: undeclared).
pub fn plan(_parsed: &Parsed<'_>, _index: usize, _catalog: &Catalog, _env: &Env, _declared: &[u32]) -> Outcome {
    todo!()
}
