//! What is known to be missing or wrong, in one place. The lists are there to be emptied.

use crate::matrix::{Construct, Mode};

/// Constructs that the matrix promises and that are refused with a code for now.
const MISSING: &[(Construct, &str)] = &[
    (Construct::RowCompare, "sql/unsupported-construct"),
    (Construct::RowInList, "sql/unsupported-construct"),
    (Construct::Coalesce, "sql/unsupported-construct"),
    (Construct::CaseResult, "sql/unsupported-construct"),
    (Construct::WindowCarry, "sql/unsupported-function"),
    (Construct::WindowCarry, "session/stray-envelope"),
    (Construct::CaseResult, "session/stray-envelope"),
    (Construct::Coalesce, "session/stray-envelope"),
    (Construct::Prepare, "sql/unsupported-construct"),
    (Construct::Cursor, "sql/unsupported-construct"),
    (Construct::View, "sql/refused-relation"),
    (Construct::UnionAll, "sql/unsupported-construct"),
    (Construct::Flow, "sql/unsupported-value"),
    (Construct::Flow, "sql/unsupported-construct"),
    (Construct::CreateView, "sql/unsupported-construct"),
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
pub fn missing(marks: &[(Construct, Mode)], code: &str, message: &str) -> Option<Construct> {
    let unfinished = message == "pgveil: not yet";
    let fits = |construct: Construct| MISSING.iter().any(|(known, with)| *known == construct && *with == code);
    marks.iter().map(|(construct, _)| *construct).find(|construct| unfinished || fits(*construct))
}

/// Why a difference is no failure, if it is known.
pub fn tolerated(ours: &[String], theirs: &[String], marks: &[(Construct, Mode)]) -> Option<&'static str> {
    if early_description(ours, theirs) {
        return Some("RowDescription before an error");
    }
    if early_error(ours, theirs) {
        return Some("the error of a literal comes at Parse");
    }
    if other_error(ours, theirs) {
        return Some("of several errors another one is told");
    }
    let has = |construct: Construct| marks.iter().any(|(found, _)| *found == construct);
    if has(Construct::Foreign)
        && failed(theirs).is_none()
        && failed(ours).is_some_and(|at| ours[at].contains(" C=\"22"))
    {
        return Some("the value of a branch that does not run");
    }
    if has(Construct::InList) && common_type(ours, theirs) {
        return Some("the common type of an IN list");
    }
    if has(Construct::Flow) && failed(ours).is_some_and(|at| ours[at].contains("but expression is of type text")) {
        return Some("COALESCE and CASE of NULLs with casts");
    }
    None
}

fn failed(lines: &[String]) -> Option<usize> {
    lines.iter().position(|line| line.starts_with("E "))
}

/// In the simple protocol the server runs INSERT, UPDATE and DELETE … RETURNING before it describes their
/// result, so that an error comes alone; pgveil has described it by then.
fn early_description(ours: &[String], theirs: &[String]) -> bool {
    let Some(at) = failed(ours).filter(|at| *at > 0 && ours[at - 1].starts_with("T ")) else { return false };
    let mut without = ours.to_vec();
    without.remove(at - 1);
    failed(theirs) == Some(at - 1) && without == theirs
}

/// pgveil reads literals when it plans a statement. The server does so as well, but lengths and conversions
/// between types it applies when it runs it.
fn early_error(ours: &[String], theirs: &[String]) -> bool {
    let (Some(a), Some(b)) = (failed(ours), failed(theirs)) else { return false };
    let steps =
        |lines: &[String]| lines.iter().all(|line| matches!(line.as_bytes()[0], b'1' | b'2' | b't' | b'T' | b'n'));
    a < b && ours[..a] == theirs[..a] && ours[a..] == theirs[b..] && steps(&theirs[a..b]) && ours[a].contains(" C=\"22")
}

/// Where a statement has several errors: pgveil reads values (class 22, and 42804 for their types) before
/// the server looks at constraints, or at parts of the statement that pgveil leaves to it.
fn other_error(ours: &[String], theirs: &[String]) -> bool {
    let (Some(a), Some(b)) = (failed(ours), failed(theirs)) else { return false };
    let has = |line: &str, states: &[&str]| states.iter().any(|state| line.contains(&format!(" C=\"{state}")));
    let (first, second) = (&ours[a], &theirs[b]);
    let late =
        has(first, &["22", "42804"]) && has(second, &["23", "21000", "42P20", "42702", "42703", "42P10", "25006"]);
    // The server applies lengths when it runs a statement, and looks for names and values from left to right.
    let length = has(first, &["22001"]) && has(second, &["22"]) && !has(second, &["22001"]);
    let names = has(first, &["42702", "42703"]) && has(second, &["22"]);
    let types = has(first, &["42804", "42883"]) && has(second, &["22"]);
    late || length || names || types
}

/// The server finds one type for all items of an IN list; pgveil looks at each.
fn common_type(ours: &[String], theirs: &[String]) -> bool {
    let types = |lines: &[String]| lines.iter().filter(|line| !line.starts_with("t ")).cloned().collect::<Vec<_>>();
    let format = |state| failed(theirs).is_some_and(|at| theirs[at].contains(state));
    types(ours) == types(theirs) || (failed(ours).is_none() && (format(" C=\"08P01\"") || format(" C=\"22P03\"")))
}

/// Does an error of the session's second line leave committed what stands before it?
pub fn commits_before(code: &str) -> bool {
    matches!(code, "session/stray-envelope" | "session/unforeseen-column")
}
