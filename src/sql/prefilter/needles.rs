//! What is searched for: names from the catalog, and a fixed list.

use super::{ends_in_escape, is_word_byte};

/// Identifiers end here at the latest: the server cuts them off at 63 bytes, between characters of
/// at most four bytes.
const CUT: usize = 60;

/// What a needle tells about a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Protected,
    Env,
}

/// One pattern and where it counts.
#[derive(Clone, Debug)]
pub(super) struct Needle {
    /// In lower case; 1 to 60 bytes.
    pub(super) bytes: Vec<u8>,
    pub(super) kind: Kind,
    bounds: Bounds,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bounds {
    /// A whole identifier.
    Word,
    /// The beginning of an identifier that the server would cut off.
    Beginning,
    /// Anything.
    Anywhere,
    /// Anything, if the text is not ASCII throughout.
    AnywhereBesideHighBytes,
}

impl Needle {
    /// The needle of a name; none if it has no ASCII character.
    pub(super) fn of_name(name: &str, kind: Kind) -> Option<Self> {
        // As in a quoted identifier; where nothing is doubled it is the same unquoted.
        let spelled = name.replace('"', "\"\"").to_ascii_lowercase();
        if spelled.contains('\'') {
            let run =
                spelled.split(|c: char| c == '\'' || !c.is_ascii()).max_by_key(|run| run.len()).unwrap_or_default();
            let bytes: Vec<u8> = if run.is_empty() { b"'".to_vec() } else { run.bytes().take(CUT).collect() };
            return Some(Self { bytes, kind, bounds: Bounds::Anywhere });
        }
        if spelled.is_ascii() && !spelled.is_empty() {
            let bounds = match spelled.len() {
                // An operator: what stands beside it is no part of it.
                _ if !spelled.bytes().any(is_word_byte) => Bounds::Anywhere,
                CUT.. => Bounds::Beginning,
                _ => Bounds::Word,
            };
            let mut bytes = spelled.into_bytes();
            bytes.truncate(CUT);
            return Some(Self { bytes, kind, bounds });
        }
        let run = spelled.split(|c: char| !c.is_ascii()).max_by_key(|run| run.len()).unwrap_or_default();
        let bytes: Vec<u8> = run.bytes().take(CUT).collect();
        (!bytes.is_empty()).then_some(Self { bytes, kind, bounds: Bounds::AnywhereBesideHighBytes })
    }

    /// Does the needle, found at a place of the text, count there?
    pub(super) fn counts(&self, text: &[u8], start: usize) -> bool {
        let end = start + self.bytes.len();
        match self.bounds {
            Bounds::Word => begins(text, start) && !text.get(end).is_some_and(|&b| is_word_byte(b)),
            Bounds::Beginning => begins(text, start),
            Bounds::Anywhere => true,
            Bounds::AnywhereBesideHighBytes => !text.is_ascii(),
        }
    }
}

/// Can an identifier, or an array type's underscore and then its name, begin here?
fn begins(text: &[u8], start: usize) -> bool {
    let before = text.get(..start).unwrap_or_default();
    let last = before.iter().rev().find(|&&b| b != b'_');
    !last.is_some_and(|&b| b.is_ascii_alphabetic() || b >= 0x80) || ends_in_escape(before)
}

/// Needles that do not depend on the catalog.
pub(super) fn fixed() -> impl Iterator<Item = Needle> {
    let anywhere = PROTECTED.iter().map(|&text| (text, Kind::Protected, Bounds::Anywhere));
    let words = ENV.iter().map(|&text| (text, Kind::Env, Bounds::Word));
    anywhere.chain(words).map(|(text, kind, bounds)| Needle { bytes: text.as_bytes().to_vec(), kind, bounds })
}

/// What may hide a protected name: escaped identifiers, pgveil's own schemas, and functions that
/// run SQL from strings or read a table that they are given by name or OID.
const PROTECTED: [&str; 10] = [
    "u&\"",
    "pgveil",  // the schemas pgveil and pgveil_keys
    "_to_xml", // query_, cursor_, table_, schema_ and database_to_xml, and their …schema variants
    "ts_stat",
    "ts_rewrite",
    "dblink",
    "crosstab",
    "connectby",
    "xpath_table",
    "run_command_on", // Citus
];

/// What may change the environment from within any statement. Commands that do so are known by their
/// first word (`starts`).
const ENV: [&str; 5] = ["set_config", "pg_settings", "temp", "temporary", "pg_temp"];
