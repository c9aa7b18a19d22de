//! What both applications need: a line of JSON for each case, the same from run to run.

use std::{
    cell::RefCell,
    hash::{DefaultHasher, Hash, Hasher},
};

use serde_json::{Value, json};

/// Written into a value of each sealed text column; the harness looks for it in the server's log.
pub const MARKER: &str = "Qx7Zkw";

/// What the statements of one case have seen.
#[derive(Default)]
pub struct Steps(RefCell<Vec<Value>>);

impl Steps {
    /// Adds what a step has seen, or what a program sees of its error.
    pub fn note(&self, label: &str, seen: Result<impl Into<Value>, Value>) {
        let step = match seen {
            Ok(value) => json!([label, value.into()]),
            Err(failure) => json!([label, "failed", failure]),
        };
        self.0.borrow_mut().push(step);
    }

    /// Writes the case's line.
    pub fn print(&self, case: &str) {
        println!("{}", json!({ "case": case, "seen": self.0.take() }));
    }
}

/// An email address of the name.
pub fn mail(name: &str) -> String {
    format!("{name}@{MARKER}")
}

/// Long values by their length and hash.
pub fn short(text: &str) -> String {
    if text.len() <= 400 {
        return text.to_owned();
    }
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    format!("{} bytes {:x}", text.len(), hasher.finish())
}

/// Bytes in hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    short(&bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

/// The lines of a table's COPY, which come in no particular order.
pub fn sorted(text: &[u8]) -> Value {
    let text = String::from_utf8_lossy(text);
    let mut lines: Vec<_> = text.split('\n').map(short).collect();
    lines.sort();
    json!(lines)
}
