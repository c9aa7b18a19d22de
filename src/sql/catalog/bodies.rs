//! What the text of function bodies names, and which functions may change a session's environment.
//!
//! Bodies are read as text, not parsed: their languages are many. A word in a comment counts; that
//! is conservative, and `allow_functions` is the way out. SQL that a body puts together from pieces
//! (`'peo' || 'ple'`) cannot be seen; the check of row descriptions is the second line there.

use std::collections::{BTreeSet, HashMap, HashSet};

use aho_corasick::AhoCorasick;

use super::{
    Catalog, Oid,
    facts::{Facts, Function, Object},
};
use crate::sql::prefilter::is_word_byte;

/// How a body would spell a name.
#[derive(Clone, Copy, Debug)]
pub(super) enum Spelling<'a> {
    /// As a word, wherever it stands.
    Word(&'a str),
    /// As a word with a parenthesis behind it.
    Call(&'a str),
}

/// Finds which of many names a body contains.
pub(super) struct Matcher<T> {
    search: Option<AhoCorasick>,
    names: Vec<(bool, T)>,
}

impl<T> Matcher<T> {
    pub(super) fn new<'a>(names: impl IntoIterator<Item = (Spelling<'a>, T)>) -> Self {
        let (mut patterns, mut kept) = (Vec::new(), Vec::new());
        for (spelling, value) in names {
            let (name, call) = match spelling {
                Spelling::Word(name) => (name, false),
                Spelling::Call(name) => (name, true),
            };
            patterns.push(fold(name).replace('"', "\"\""));
            kept.push((call, value));
        }
        // Building fails only beyond the limits of its state ids, far above any catalog; `first` then
        // takes every body for one that names something.
        Self { search: AhoCorasick::new(&patterns).ok(), names: kept }
    }

    /// One of the names that the body contains, if it contains any.
    pub(super) fn first(&self, body: &str) -> Option<&T> {
        let Some(search) = &self.search else { return self.names.first().map(|(_, value)| value) };
        let body = fold(body);
        let text = body.as_bytes();
        for hit in search.find_overlapping_iter(text) {
            let (call, value) = self.names.get(hit.pattern().as_usize())?;
            let called = || text.get(hit.end()..).is_some_and(is_called);
            if is_whole_word(text, hit.start(), hit.end()) && (!call || called()) {
                return Some(value);
            }
        }
        None
    }
}

/// Unquoted names are folded by the server, beyond ASCII too where its encoding has one byte a
/// character; folding everything finds more than the server would, never less.
fn fold(text: &str) -> String {
    text.to_lowercase()
}

fn is_whole_word(text: &[u8], start: usize, end: usize) -> bool {
    let before = start.checked_sub(1).and_then(|at| text.get(at));
    let after = text.get(end);
    // The server cuts identifiers off at 63 bytes, so a long name may go on in the text.
    let long = end - start >= 60;
    !before.is_some_and(|&b| is_word_byte(b)) && (long || !after.is_some_and(|&b| is_word_byte(b)))
}

/// Does an opening parenthesis follow, after a closing quote, white space or a comment?
fn is_called(rest: &[u8]) -> bool {
    let rest = rest.strip_prefix(b"\"").unwrap_or(rest);
    matches!(rest.trim_ascii_start(), [b'(', ..] | [b'/', b'*', ..] | [b'-', b'-', ..])
}

/// Words that make a body suspect of changing search_path, role, temporary tables or the settings
/// that decide how values look, wherever they stand.
const ENV_WORDS: [&str; 19] = [
    "set_config",
    "search_path",
    "pg_settings",
    "execute",
    "reset",
    "discard",
    "schema",
    "authorization",
    "session_authorization",
    "temp",
    "temporary",
    "pg_temp",
    "datestyle",
    "intervalstyle",
    "bytea_output",
    "extra_float_digits",
    "array_nulls",
    "standard_conforming_strings",
    "client_encoding",
];

/// Words that do so behind SET alone: elsewhere they are common names.
const AFTER_SET: [&str; 6] = ["role", "names", "time", "timezone", "local", "session"];

/// Extensions whose compiled functions are known to leave the session as it is.
const HARMLESS_EXTENSIONS: [&str; 46] = [
    "address_standardizer",
    "amcheck",
    "autoinc",
    "btree_gin",
    "btree_gist",
    "citext",
    "cube",
    "dblink",
    "dict_int",
    "dict_xsyn",
    "earthdistance",
    "file_fdw",
    "fuzzystrmatch",
    "hll",
    "hstore",
    "insert_username",
    "intarray",
    "isn",
    "lo",
    "ltree",
    "moddatetime",
    "pageinspect",
    "pg_buffercache",
    "pg_freespacemap",
    "pg_prewarm",
    "pg_stat_statements",
    "pg_trgm",
    "pg_visibility",
    "pg_walinspect",
    "pgcrypto",
    "pgrouting",
    "pgrowlocks",
    "pgstattuple",
    "plpgsql",
    "postgis",
    "postgis_raster",
    "postgis_topology",
    "postgres_fdw",
    "refint",
    "seg",
    "sslinfo",
    "tcn",
    "tsm_system_rows",
    "unaccent",
    "uuid-ossp",
    "vector",
];

/// Bare names of functions and relations whose use may change the session's environment: functions
/// whose body mentions something that could or cannot be read, what calls them, and relations whose
/// rules, triggers, defaults or policies call one.
pub(super) fn env_names(catalog: &Catalog, facts: &Facts) -> BTreeSet<String> {
    let words = Matcher::new(ENV_WORDS.map(|word| (Spelling::Word(word), ())));
    let mut users: HashMap<Object, Vec<Object>> = HashMap::new();
    for edge in &facts.uses {
        users.entry(edge.to).or_default().push(edge.from);
    }
    for &(child, parent) in &facts.inherits {
        users.entry(Object::Relation(child)).or_default().push(Object::Relation(parent));
    }
    let functions: HashMap<Oid, &Function> = facts.functions.iter().map(|f| (f.oid, f)).collect();

    let suspects = facts.functions.iter().filter(|f| may_change_env(f, &words));
    let mut work: Vec<Object> = suspects.map(|f| Object::Function(f.oid)).collect();
    let mut seen: HashSet<Object> = work.iter().copied().collect();
    let mut unread: Vec<&Function> = facts.functions.iter().filter(|f| !f.body.is_empty()).collect();
    while !work.is_empty() {
        let mut fresh = Vec::new();
        while let Some(object) = work.pop() {
            fresh.push(object);
            for &user in users.get(&object).into_iter().flatten() {
                if seen.insert(user) {
                    work.push(user);
                }
            }
        }
        let names = fresh.iter().filter_map(|object| match object {
            Object::Relation(oid) => Some((Spelling::Word(&catalog.relations.get(oid)?.name), ())),
            Object::Function(oid) => {
                functions.get(oid).filter(|f| !f.trigger).map(|f| (Spelling::Call(f.name.as_str()), ()))
            }
        });
        let matcher = Matcher::new(names);
        unread.retain(|function| {
            let hit = matcher.first(&function.body).is_some();
            if hit && seen.insert(Object::Function(function.oid)) {
                work.push(Object::Function(function.oid));
            }
            !hit
        });
    }
    let name = |object: &Object| match object {
        Object::Relation(oid) => catalog.relations.get(oid).map(|r| r.name.clone()),
        Object::Function(oid) => functions.get(oid).filter(|f| !f.trigger).map(|f| f.name.clone()),
    };
    seen.iter().filter_map(name).collect()
}

fn may_change_env(function: &Function, words: &Matcher<()>) -> bool {
    match function.language.as_str() {
        "internal" => false,
        "c" => {
            let known = |e: &String| HARMLESS_EXTENSIONS.contains(&e.as_str());
            // Compiled code cannot be read. What is declared STABLE or IMMUTABLE is believed:
            // otherwise every operator of every extension would be suspect.
            function.volatile && !function.extension.as_ref().is_some_and(known)
        }
        "sql" | "plpgsql" => words.first(&function.body).is_some() || sets(&function.body),
        // Other languages reach the server through calls of their own (`plpy.execute`, `spi_exec_query`).
        _ => function.volatile,
    }
}

/// Does the body hold a `SET` of something that matters, apart from the words that are suspect
/// anywhere?
fn sets(body: &str) -> bool {
    let body = fold(body);
    let mut after_set = false;
    for word in body.split(|c: char| c.is_ascii() && !is_word_byte(c as u8)).filter(|w| !w.is_empty()) {
        if after_set && AFTER_SET.contains(&word) {
            return true;
        }
        after_set = word == "set";
    }
    false
}
