//! What is known to be missing or wrong, in one place. The lists are there to be emptied.

use crate::matrix::{Construct, Mode};

/// Constructs that the matrix promises and that are refused for now: with which words.
pub const MISSING: &[(Construct, &str)] = &[
    (Construct::LikeExact, "does not support LIKE"),
    (Construct::LikeExact, "does not support NOT LIKE"),
    (Construct::Nullif, "does not support NULLIF"),
    (Construct::Prepare, "does not support PREPARE"),
    (Construct::Flow, "does not support a cast"),
    (Construct::CreateView, "which pgveil did not foresee"),
    (Construct::Prepare, "as argument "),
    (Construct::Cursor, "does not support DECLARE"),
];

/// The construct for whose sake a refusal is known.
pub fn missing(marks: &[(Construct, Mode)], message: &str) -> Option<Construct> {
    let fits =
        |construct: Construct| MISSING.iter().any(|(known, words)| *known == construct && message.contains(words));
    marks.iter().map(|(construct, _)| *construct).find(|construct| fits(*construct))
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
    if unplaced(ours, theirs) {
        return Some("no position for a number that no numeric can hold");
    }
    let has = |construct: Construct| marks.iter().any(|(found, _)| *found == construct);
    if has(Construct::Foreign)
        && failed(theirs).is_none()
        && failed(ours).is_some_and(|at| ours[at].contains(" C=\"22"))
    {
        return Some("the value of a branch that does not run");
    }
    let refused = failed(ours).map(|at| ours[at].as_str()).unwrap_or_default();
    if refused.contains(" C=\"26000\"") && failed(theirs).is_some() {
        return Some("a statement whose literal is wrong is not prepared");
    }
    let yields = [Construct::CaseResult, Construct::Coalesce, Construct::Nullif].into_iter().any(has);
    if yields && without_modifiers(ours) == without_modifiers(theirs) {
        return Some("the modifier of CASE and COALESCE");
    }
    if has(Construct::CaseKin) && without_types(ours) == without_types(theirs) {
        return Some("the type of CASE and COALESCE beside values of kin types");
    }
    if yields && common_type(ours, theirs) {
        return Some("the common type of CASE and COALESCE");
    }
    if has(Construct::InList) && common_type(ours, theirs) {
        return Some("the common type of an IN list");
    }
    if has(Construct::Flow) && failed(ours).is_some_and(|at| ours[at].contains("but expression is of type text")) {
        return Some("COALESCE and CASE of NULLs with casts");
    }
    if has(Construct::CastOver) && without_origins(ours) == without_origins(theirs) {
        return Some("a cast keeps the origin of a column");
    }
    if ours.iter().map(|line| line.replace("bigint", "integer")).eq(theirs.iter().cloned()) {
        return Some("-2147483648 is a bigint");
    }
    if refused.contains("cannot convert NaN") && without_position(ours) == without_position(theirs) {
        return Some("the position of a NaN that is no integer");
    }
    if has(Construct::GroupBy) && without_origins(ours) == without_origins(theirs) {
        return Some("GROUP BY loses the origin of a column");
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

/// `'1e20000000'` for a numeric column.
fn unplaced(ours: &[String], theirs: &[String]) -> bool {
    let (Some(a), Some(b)) = (failed(ours), failed(theirs)) else { return false };
    let overflow = "value overflows numeric format";
    ours[a].contains(overflow) && theirs[b].starts_with(&ours[a]) && ours[..a] == theirs[..b]
}

/// Up to the positions of errors, which come last.
fn without_position(lines: &[String]) -> Vec<String> {
    lines
        .iter()
        .filter(|line| !matches!(line.as_bytes()[0], b'1' | b'2'))
        .map(|line| line.split(" P=").next().unwrap_or_default().to_owned())
        .collect()
}

/// RowDescriptions without type modifiers.
fn without_modifiers(lines: &[String]) -> Vec<String> {
    without_fields(lines, &[3])
}

/// RowDescriptions without types, and no ParameterDescriptions.
fn without_types(lines: &[String]) -> Vec<String> {
    without_fields(lines, &[1, 2, 3]).into_iter().filter(|line| !line.starts_with("t ")).collect()
}

fn without_fields(lines: &[String], which: &[usize]) -> Vec<String> {
    let column = |part: &str| match part.split_once(']') {
        Some((inner, rest)) => {
            let fields: Vec<&str> = inner.split(' ').collect();
            // Table, type, length, modifier, format.
            fields
                .iter()
                .enumerate()
                .filter(|(i, _)| !which.contains(i))
                .map(|(_, field)| *field)
                .chain([rest])
                .collect()
        }
        None => part.to_owned(),
    };
    let stripped = |line: &String| match line.starts_with("T ") {
        true => line.split('[').map(column).collect(),
        false => line.clone(),
    };
    lines.iter().map(stripped).collect()
}

/// RowDescriptions without tables and attributes.
fn without_origins(lines: &[String]) -> Vec<String> {
    lines
        .iter()
        .map(|line| {
            if !line.starts_with("T ") {
                return line.clone();
            }
            line.split('[').map(|part| part.split_once(' ').map_or(part, |(_, rest)| rest)).collect()
        })
        .collect()
}
