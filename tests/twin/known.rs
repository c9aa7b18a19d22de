//! What is known to be missing or wrong, in one place. The lists are there to be emptied.

use crate::matrix::{Construct, Mode};

/// Constructs that the matrix promises and that are refused for now: with which words.
pub const MISSING: &[(Construct, &str)] = &[
    // Where its condition compares with NULL.
    (Construct::CreateView, "statements that name"),
    (Construct::Prepare, "does not support PREPARE"),
    (Construct::Prepare, "as argument "),
];

/// The construct for whose sake a refusal is known.
pub fn missing(marks: &[(Construct, Mode)], message: &str) -> Option<Construct> {
    let fits =
        |construct: Construct| MISSING.iter().any(|(known, words)| *known == construct && message.contains(words));
    marks.iter().map(|(construct, _)| *construct).find(|construct| fits(*construct))
}

/// A difference that is known.
struct Known {
    why: &'static str,
    /// Of statements with one of these; of all if there are none.
    with: &'static [Construct],
    fits: fn(&[String], &[String]) -> bool,
}

/// On purpose: docs/twin.md, "What may differ".
const MEANT: &[Known] = &[
    Known { why: "the error of a literal comes at Parse", with: &[], fits: early_error },
    Known { why: "of several errors another one is told", with: &[], fits: other_error },
    Known { why: "a statement whose literal is wrong is not prepared", with: &[], fits: not_prepared },
    Known { why: "a number in COPY that is out of any range", with: &[], fits: no_numeric },
    Known { why: "the value of a branch that does not run", with: &[Construct::Foreign], fits: not_run },
];

/// To be mended.
const DEFECTS: &[Known] = &[
    Known { why: "RowDescription before an error", with: &[], fits: early_description },
    Known { why: "the position of a NaN that is no integer", with: &[], fits: placed_nan },
];

/// What of a column's description is known to differ: 0 table and attribute, 1 type, 2 its length, 3 its modifier.
const DESCRIBED: &[(Construct, &[usize])] = &[
    // The server describes what its planner left of an expression: `CASE WHEN NULL THEN x ELSE c END` is c.
    (Construct::Folded, &[3]),
    // Likewise `COALESCE(c, 'x'::varchar(300), '')`: what stands behind a constant is gone.
    (Construct::Coalesce, &[3]),
];

/// Why a difference is no failure, if it is known.
pub fn tolerated(ours: &[String], theirs: &[String], marks: &[(Construct, Mode)]) -> Option<&'static str> {
    let has = |construct: &Construct| marks.iter().any(|(found, _)| found == construct);
    let applies = |known: &&Known| (known.with.is_empty() || known.with.iter().any(has)) && (known.fits)(ours, theirs);
    if let Some(known) = MEANT.iter().chain(DEFECTS).find(applies) {
        return Some(known.why);
    }
    let fields: Vec<usize> =
        DESCRIBED.iter().filter(|(construct, _)| has(construct)).flat_map(|(_, fields)| *fields).copied().collect();
    let described = without_fields(ours, &fields) == without_fields(theirs, &fields);
    (!fields.is_empty() && described).then_some("the description of an expression's column")
}

fn not_prepared(ours: &[String], theirs: &[String]) -> bool {
    failed(ours).is_some_and(|at| ours[at].contains(" C=\"26000\"")) && failed(theirs).is_some()
}

fn not_run(ours: &[String], theirs: &[String]) -> bool {
    failed(theirs).is_none() && failed(ours).is_some_and(|at| ours[at].contains(" C=\"22"))
}

/// COPY tells `1e20000000` of a column numeric(18,2) as one that is too large for the column.
fn no_numeric(ours: &[String], theirs: &[String]) -> bool {
    let told = |lines: &[String], words: &str| failed(lines).is_some_and(|at| lines[at].contains(words));
    told(ours, "M=\"value overflows numeric format\"") && told(theirs, "M=\"numeric field overflow\"")
}

fn placed_nan(ours: &[String], theirs: &[String]) -> bool {
    let told = |line: &String| line.split(" P=").next().unwrap_or_default().to_owned();
    let errors = |lines: &[String]| failed(lines).map(|at| told(&lines[at]));
    errors(ours) == errors(theirs) && errors(ours).is_some_and(|line| line.contains("cannot convert NaN"))
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
    let length = has(first, &["22001"]) && has(second, &["22"]) && (a < b || !has(second, &["22001"]));
    let names = has(first, &["42702", "42703"]) && has(second, &["22"]);
    let types = has(first, &["42804", "42883"]) && has(second, &["22"]);
    // A number that its column cannot hold is found when the statement runs: that error has no position.
    let range = has(first, &["22003"]) && !first.contains(" P=") && has(second, &["22"]) && !has(second, &["22003"]);
    // Which of several rows comes first is the plan's to say.
    let rows = has(first, &["23502"]) && has(second, &["23502"]);
    // Types of operands and of values are looked at in another order than the server's.
    let mismatches = ["42804", "42883", "42725"];
    let types = types || has(first, &mismatches) && has(second, &mismatches) && a == b;
    late || length || names || types || range || rows
}

/// Does an error of the session's second line leave committed what stands before it?
pub fn commits_before(code: &str) -> bool {
    matches!(code, "session/stray-envelope" | "session/unforeseen-column")
}

/// RowDescriptions without some fields; without types there are no ParameterDescriptions either.
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
    let lines = lines.iter().filter(|line| !which.contains(&1) || !line.starts_with("t "));
    lines.map(stripped).collect()
}
