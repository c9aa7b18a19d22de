//! What is compared of two answers, and how differences are told.

use std::fmt::Write as _;

use crate::{
    make::Part,
    matrix::{Construct, Mode},
    raw::{Message, cells, field, fields, shown, text},
};

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Difference,
    Refusal,
    Leak,
    Envelope,
    Broken,
}

#[derive(Clone, Debug)]
pub struct Failure {
    pub kind: Kind,
    /// The same for failures of one cause, as far as can be told.
    pub signature: String,
    /// Exchange of the session.
    pub at: usize,
    pub report: String,
}

/// One line a message, of what has to be the same.
///
/// Left out are: ParameterStatus (the sides may learn of a setting at different moments), the place in
/// the server's source, the hint of pgveil's documentation, and DETAIL where it shows stored values: of a
/// unique index over tokens it would be the token, and of a failing row the ciphertext.
pub fn lines(messages: &[Message], runs: &[&Part]) -> Vec<String> {
    let mut out = Vec::new();
    let mut rows = Vec::new();
    let mut done = 0;
    for message in messages {
        let part = runs.get(done).copied();
        if message.tag == b'D' {
            match part {
                Some(part) if part.opaque => {}
                Some(part) => rows.push(row(message, part.loose)),
                None => rows.push(row(message, false)),
            }
            continue;
        }
        if message.tag == b'd' {
            rows.push(shown(message));
            continue;
        }
        if !part.is_some_and(|part| part.ordered) {
            rows.sort();
        }
        out.append(&mut rows);
        match message.tag {
            b'S' => {}
            b'E' | b'N' => out.push(error(message)),
            tag => {
                out.push(shown(message));
                done += usize::from(matches!(tag, b'C' | b's' | b'I'));
            }
        }
    }
    out.append(&mut rows);
    out
}

fn row(message: &Message, loose: bool) -> String {
    if !loose {
        return shown(message);
    }
    let cells: Vec<String> = cells(message)
        .iter()
        .map(|cell| cell.as_deref().map_or("NULL".to_owned(), |cell| folded(&text(cell))))
        .collect();
    format!("D {}", cells.join(" | "))
}

/// Without what equal values may differ in: zeros at the end, the sign of zero, a month of 30 days.
fn folded(cell: &str) -> String {
    let cell = match cell {
        "-0" => "0",
        "1 mon" => "30 days",
        _ => cell,
    };
    let mut out = String::new();
    let mut rest = cell;
    while let Some(point) = rest.find('.') {
        let (head, tail) = rest.split_at(point + 1);
        let digits = tail.len() - tail.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (fraction, after) = tail.split_at(digits);
        let fraction = fraction.trim_end_matches('0');
        out.push_str(if fraction.is_empty() { &head[..point] } else { head });
        out.push_str(fraction);
        rest = after;
    }
    out.push_str(rest);
    out
}

fn error(message: &Message) -> String {
    let sqlstate = field(message, 'C');
    let mut out = format!("{} ", message.tag as char);
    for (kind, text) in fields(message) {
        let differs = match kind {
            'F' | 'L' | 'R' | 'W' => true,
            'H' => text.ends_with("in pgveil's docs/errors.md."),
            'D' => text.starts_with("Failing row contains") || sqlstate == "23505",
            _ => false,
        };
        if !differs {
            let _ = write!(out, " {kind}={text:?}");
        }
    }
    out
}

pub fn difference(at: usize, what: &str, ours: &[String], theirs: &[String]) -> Failure {
    let same = ours.iter().zip(theirs).take_while(|(a, b)| a == b).count();
    let none = "(nothing)".to_owned();
    let (a, b) = (ours.get(same).unwrap_or(&none), theirs.get(same).unwrap_or(&none));
    let mut report =
        format!("pgveil and the server say different things{}{what}:\n", if what.is_empty() { "" } else { ": " });
    for line in &ours[..same] {
        let _ = writeln!(report, "       = {line}");
    }
    for (side, lines) in [("pgveil", ours), ("server", theirs)] {
        for line in lines[same..].iter().take(4) {
            let _ = writeln!(report, "  {side} {line}");
        }
    }
    let signature = format!("{} ≠ {}", outline(a), outline(b));
    Failure { kind: Kind::Difference, signature, at, report }
}

pub fn refused(at: usize, error: &Message, marks: &[(Construct, Mode)]) -> Failure {
    let message = field(error, 'M');
    let mut report = format!("a refusal that the matrix does not declare:\n  {}\n", shown(error));
    let mut constructs: Vec<String> = marks.iter().map(|(c, m)| format!("{c:?}/{m:?}")).collect();
    constructs.sort();
    constructs.dedup();
    let _ = writeln!(report, "  constructs: {}", constructs.join(" "));
    Failure { kind: Kind::Refusal, signature: outline(&message), at, report }
}

pub fn envelope(at: usize, message: &Message) -> Failure {
    let report = format!("ciphertext reached the client:\n  {}\n", shown(message));
    Failure { kind: Kind::Envelope, signature: format!("envelope in {}", message.tag as char), at, report }
}

pub fn broken(at: usize, problem: &str) -> Failure {
    Failure { kind: Kind::Broken, signature: outline(problem), at, report: format!("{problem}\n") }
}

/// A line without names and values.
fn outline(line: &str) -> String {
    match line.as_bytes().first() {
        Some(b'D') if line.starts_with("D ") => return "row".to_owned(),
        Some(b'T') if line.starts_with("T ") => return "row description".to_owned(),
        _ => {}
    }
    let mut out = String::new();
    let mut quoted = false;
    // A name with a quote in it would turn inside out what is quoted.
    for c in line.replace("a\"b", "ab").replace("a\\\"b", "ab").chars() {
        match c {
            '"' => {
                quoted = !quoted;
                out.push('"');
            }
            _ if quoted => {}
            c if c.is_ascii_digit() => {
                if !out.ends_with('0') {
                    out.push('0');
                }
            }
            '\n' => break,
            c => out.push(c),
        }
    }
    if let Some(at) = line.find(" C=\"") {
        // An error: its SQLSTATE counts, digits and all.
        let _ = write!(out, " {}", line.get(at..at + 9).unwrap_or_default());
    }
    out.truncate(out.char_indices().nth(160).map_or(out.len(), |(i, _)| i));
    out
}
