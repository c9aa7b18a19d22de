//! What is known to be missing or wrong, in one place. The lists are there to be emptied.

use crate::matrix::{Construct, Mode};

/// Constructs that the matrix promises and that are refused with a code for now.
const MISSING: &[(Construct, &str)] = &[
    (Construct::RowCompare, "sql/unsupported-construct"),
    (Construct::RowInList, "sql/unsupported-construct"),
    (Construct::Coalesce, "sql/unsupported-construct"),
    (Construct::CaseResult, "sql/unsupported-construct"),
    (Construct::Nullif, "sql/unsupported-operator"),
    (Construct::WindowCarry, "sql/unsupported-function"),
    (Construct::Prepare, "sql/unsupported-construct"),
    (Construct::Cursor, "sql/unsupported-construct"),
    (Construct::View, "sql/refused-relation"),
    (Construct::UnionAll, "sql/unsupported-construct"),
    (Construct::Flow, "sql/unsupported-value"),
    (Construct::Flow, "sql/unsupported-construct"),
    (Construct::LikeExact, "sql/unsupported-operator"),
    (Construct::FlowValues, "sql/unsupported-value"),
    (Construct::FlowUnnest, "sql/unsupported-value"),
    (Construct::FlowSelect, "sql/unsupported-value"),
    (Construct::CopyIdentity, "sql/unsupported-value"),
    (Construct::SelectDistinct, "sql/unsupported-construct"),
    (Construct::DistinctOn, "sql/unsupported-construct"),
    (Construct::GroupBy, "sql/unsupported-construct"),
    (Construct::JoinUsing, "sql/unsupported-construct"),
    (Construct::CountDistinct, "sql/unsupported-function"),
    (Construct::InSubquery, "sql/unsupported-construct"),
    (Construct::AnySubquery, "sql/unsupported-construct"),
];

/// The construct for whose sake a refusal is known.
pub fn missing(marks: &[(Construct, Mode)], code: &str, _message: &str) -> Option<Construct> {
    let fits = |construct: Construct| MISSING.iter().any(|(known, with)| *known == construct && *with == code);
    marks.iter().map(|(construct, _)| *construct).find(|construct| fits(*construct))
}

/// Differences that are known.
pub fn tolerated(ours: &[String], theirs: &[String]) -> bool {
    early_description(ours, theirs)
}

/// In the simple protocol the server runs INSERT, UPDATE and DELETE … RETURNING before it describes their
/// result, so that an error comes alone; pgveil has described it by then.
fn early_description(ours: &[String], theirs: &[String]) -> bool {
    let failed = |lines: &[String]| lines.iter().position(|line| line.starts_with("E "));
    let Some(at) = failed(ours).filter(|at| *at > 0 && ours[at - 1].starts_with("T ")) else { return false };
    let mut without = ours.to_vec();
    without.remove(at - 1);
    failed(theirs) == Some(at - 1) && without == theirs
}
