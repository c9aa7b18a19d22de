//! Recorded statements and the files that keep them: `tests/orm/recorded/<tool>.sql`.
//!
//! Each distinct text with its declared parameter types stands there once, under the case that sent
//! it first:
//!
//! ```sql
//! -- case: add_one
//! -- types: varchar, unknown
//! INSERT INTO t (a, b) VALUES ($1::VARCHAR, $2);
//! ```

use std::{collections::HashSet, fmt::Write as _, fs, path::PathBuf};

/// Statements longer than this are more of the same: one shape with many rows.
const LONGEST: usize = 8_000;

/// Names of savepoints, cursors and functions that end in a number of this run: what stands before it.
const NUMBERED: [&str; 6] = ["_django_curs_", "\"s", "\"c_", "SAVEPOINT \"", "SAVEPOINT sp", "$func_"];

const TYPES: [(u32, &str); 24] = [
    (0, "unknown"),
    (16, "bool"),
    (17, "bytea"),
    (20, "int8"),
    (21, "int2"),
    (23, "int4"),
    (25, "text"),
    (114, "json"),
    (701, "float8"),
    (705, "unknown_type"),
    (1005, "int2[]"),
    (1007, "int4[]"),
    (1009, "text[]"),
    (1015, "varchar[]"),
    (1016, "int8[]"),
    (1042, "bpchar"),
    (1043, "varchar"),
    (1082, "date"),
    (1114, "timestamp"),
    (1184, "timestamptz"),
    (1231, "numeric[]"),
    (1700, "numeric"),
    (2950, "uuid"),
    (3802, "jsonb"),
];

/// A statement as a tool sent it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Statement {
    pub case: String,
    /// Parameter types as Parse declares them; none in the simple protocol.
    pub types: Vec<u32>,
    pub text: String,
}

impl Statement {
    pub fn new(text: &[u8], types: Vec<u32>) -> Self {
        let text = String::from_utf8_lossy(text);
        let text = text.trim().trim_end_matches(';').trim_end();
        Self {
            case: String::new(),
            types,
            text: NUMBERED.iter().fold(text.to_owned(), |text, name| unnumbered(&text, name)),
        }
    }
}

/// Replaces long numbers (decimal, hexadecimal, UUIDs) after a name by `1`.
fn unnumbered(text: &str, name: &str) -> String {
    let mut parts = text.split(name);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.find(|c: char| !c.is_ascii_hexdigit() && c != '-').unwrap_or(part.len());
        out += name;
        out += if digits > 8 { "1" } else { &part[..digits] };
        out += &part[digits..];
    }
    out
}

fn file(tool: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/orm/recorded").join(format!("{tool}.sql"))
}

/// The recording of a tool.
pub fn read(tool: &str) -> Vec<Statement> {
    let text = fs::read_to_string(file(tool)).unwrap_or_default();
    let entries = text.split("-- case: ").skip(1);
    entries
        .map(|entry| {
            let (case, rest) = entry.split_once('\n').expect("a case's name");
            let (types, text) = match rest.strip_prefix("-- types: ") {
                Some(rest) => rest.split_once('\n').expect("a list of types"),
                None => ("", rest),
            };
            let types = types.split(", ").filter(|name| !name.is_empty()).map(oid).collect();
            Statement { case: case.to_owned(), types, text: text.trim_end().trim_end_matches(';').to_owned() }
        })
        .collect()
}

/// The distinct ones, without those that are too long to be read.
pub fn distinct(statements: Vec<Statement>) -> Vec<Statement> {
    let mut seen = HashSet::new();
    let mut kept = statements;
    kept.retain(|s| s.text.len() <= LONGEST && seen.insert((s.text.clone(), s.types.clone())));
    kept
}

/// Writes a tool's recording.
pub fn write(tool: &str, title: &str, statements: &[Statement]) {
    let mut out = format!("-- What {title} sends in tests/orm, recorded by `make record-orms`.\n");
    for statement in statements {
        write!(out, "\n-- case: {}\n", statement.case).expect("a string");
        if !statement.types.is_empty() {
            let names: Vec<String> = statement.types.iter().map(|&oid| name(oid)).collect();
            writeln!(out, "-- types: {}", names.join(", ")).expect("a string");
        }
        writeln!(out, "{};", statement.text).expect("a string");
    }
    fs::write(file(tool), out).expect("the recording");
}

fn name(oid: u32) -> String {
    TYPES.iter().find(|(known, _)| *known == oid).map_or_else(|| oid.to_string(), |(_, name)| (*name).to_owned())
}

fn oid(name: &str) -> u32 {
    let known = TYPES.iter().find(|(_, known)| *known == name).map(|(oid, _)| *oid);
    known.unwrap_or_else(|| name.parse().expect("a type's name or number"))
}
