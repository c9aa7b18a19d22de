//! Which statements need a look at all.
//!
//! # Why it never misses
//!
//! *Claim: if [`Mentions::protected`] is false, no reading of the text by PostgreSQL names a protected
//! relation.* A name can reach the server's parser in these ways (PostgreSQL, scan.l):
//!
//! 1. **Unquoted identifier.** Its ASCII letters are folded; the search folds both sides. It starts
//!    where no letter or underscore and no byte from 0x80 on stands before it. A digit or `$` before
//!    it counts as a possible start, since older lexers cut `$1name` in two; underscores before it
//!    are skipped, since `_name` is the array type of `name`. It ends where no further byte of an
//!    identifier follows.
//! 2. **Quoted identifier.** Its bytes stand there as they are, with `"` doubled. Quotes are no bytes
//!    of words, so rule 1 covers both; folding finds a few more.
//! 3. **Longer than 63 bytes.** The server cuts identifiers off, so a name may go on in the text:
//!    needles of 60 bytes and more have no end (60, since it cuts between characters).
//! 4. **`U&"…"`** may escape any letter: its three first bytes are a needle.
//! 5. **Beyond ASCII**, the bytes depend on client_encoding, and single-byte servers fold such
//!    letters, too. In every client encoding of PostgreSQL ASCII characters are themselves, and others
//!    have at least one byte from 0x80 on. So a name with others is represented by its longest run of
//!    ASCII characters, without beginning or end, in texts that have such a byte; if it has no such
//!    run, every text that has such a byte is a mention. Where a character ends in an ASCII byte
//!    (SJIS, GBK …) and a name follows, rule 1 sees a letter before the name: rightly, since the
//!    server sees one identifier.
//! 6. **Text that the server runs as SQL** may give a name with escapes, in pieces over line ends or
//!    put together by operators. Where such text may stand the planner looks at what the literals
//!    hold. By statement and function:
//!    - `DO`: always. Its body is run at once.
//!    - `CREATE FUNCTION` and `PROCEDURE`, `CREATE` and `ALTER` of foreign tables, servers and user
//!      mappings (a wrapper's options may be queries), `IMPORT FOREIGN SCHEMA`, `CALL`, SQL `EXECUTE`:
//!      they are mentions of the environment by their first words; where one of these stands beside a
//!      literal that does not show what it holds (module `pieces`) the text is a mention.
//!    - Calls of functions that run an argument (`exec('INSERT …')`, pgTAP's, pg_cron's,
//!      pg_background's): likewise, since every function whose body has an EXECUTE, or cannot be read,
//!      is among the names that may change the environment.
//!    - Functions of PostgreSQL and its extensions that run text, or dump what they are given by name:
//!      needles (module `needles`).
//!    - `COPY … PROGRAM`: always. It runs a shell's command, which may be a client.
//!    - Bodies of views, rules, policies, triggers' conditions, defaults and `BEGIN ATOMIC` functions
//!      are no literals: rules 1 to 5 cover them. COMMENT, SECURITY LABEL, NOTIFY and SET keep text that
//!      nothing runs; arguments of triggers are names and constants to functions that exist.
//!
//!    What a body computes while it runs (`EXECUTE format('%s%s', a, b)`), and text that is given to a
//!    function as a parameter or read from a table, no reading of a statement can show.
//! 7. **A quote in a name** is doubled once more in each literal around it: the longest run without
//!    quotes represents it.
//!
//! Comments, white space and line ends separate tokens but never stand inside an identifier. What
//! leads to a protected relation under another name (views, partitions, functions) is among the names
//! that the prefilter is made for; prepared statements and cursors are the session's to remember.
//!
//! What [`Mentions::env`] leaves to the session: the end of a transaction in which something was
//! mentioned undoes or completes it (ROLLBACK, SET LOCAL, deferred triggers), and other sessions may
//! create or drop schemas and grant rights.

mod needles;
mod pieces;
mod search;
mod starts;
#[cfg(test)]
mod tests;

use needles::{Kind, Needle};
use search::Search;

/// What a statement's text mentions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Mentions {
    /// A protected name, or something that may hide one (`U&"`): the statement must be parsed.
    pub protected: bool,
    /// Something that may change the session's [`Env`](super::env::Env) or its settings.
    pub env: bool,
}

impl Mentions {
    const ALL: Self = Self { protected: true, env: true };

    fn add(&mut self, more: Self) {
        self.protected |= more.protected;
        self.env |= more.env;
    }
}

/// A case-folding multi-pattern search over statement texts.
#[derive(Debug, Default)]
pub struct Prefilter {
    /// `None`: nothing is protected.
    search: Option<Search>,
    /// What a text mentions that is not ASCII throughout: there are names without a single ASCII
    /// character.
    beyond_ascii: Mentions,
}

impl Prefilter {
    /// A prefilter for bare names of protected relations and of what reaches them, and for bare
    /// names of what may change the environment. Without protected names nothing is ever mentioned.
    pub fn new<'a>(protected: impl IntoIterator<Item = &'a str>, env: impl IntoIterator<Item = &'a str>) -> Self {
        let (mut needles, mut beyond_ascii) = (Vec::new(), Mentions::default());
        for name in protected {
            match Needle::of_name(name, Kind::Protected) {
                Some(needle) => needles.push(needle),
                None => beyond_ascii.protected = true,
            }
        }
        if needles.is_empty() && !beyond_ascii.protected {
            return Self::default();
        }
        for name in env {
            match Needle::of_name(name, Kind::Env) {
                Some(needle) => needles.push(needle),
                None => beyond_ascii.env = true,
            }
        }
        needles.extend(needles::fixed());
        Self { search: Some(Search::new(needles)), beyond_ascii }
    }

    /// Looks at a statement (or a whole multi-statement text). Never misses: if `protected` is
    /// false, no reading of the text by PostgreSQL can name a protected relation.
    pub fn look(&self, text: &[u8]) -> Mentions {
        let Some(search) = &self.search else { return Mentions::default() };
        let mut mentions = starts::look(text);
        if self.beyond_ascii != Mentions::default() && !text.is_ascii() {
            mentions.add(self.beyond_ascii);
        }
        if mentions != Mentions::ALL {
            search.look(text, &mut mentions);
        }
        mentions.protected |= mentions.env && pieces::found(text);
        mentions
    }
}

/// Does a text end in what can be an escape of an `E'…'` string: `\n`, `\x0a`, `\u000a`,
/// `\U0000000a`? A name behind it begins there, in SQL that stands inside the string.
pub(in crate::sql) fn ends_in_escape(text: &[u8]) -> bool {
    const LONGEST: usize = 9;
    let mut last = text.iter().rev().take(LONGEST + 1);
    let letters = last.by_ref().take_while(|b| b.is_ascii_alphanumeric()).count();
    letters > 0 && letters <= LONGEST && text.len().checked_sub(letters + 1).and_then(|at| text.get(at)) == Some(&b'\\')
}

/// A byte that can stand inside an unquoted identifier (PostgreSQL, scan.l, `ident_cont`).
pub(super) fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$') || byte >= 0x80
}
