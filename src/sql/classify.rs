//! What a statement does, by its first keywords; for what is not parsed.
//!
//! The session forwards most statements unparsed and still has to know when a transaction ends, when
//! settings may change, when the catalog does. This looks at the first keyword of each statement of a
//! text. It may see too much (a `;` in a function body starts no statement), never too little: if
//! PostgreSQL reads a COMMIT in a text, so does [`classify`], whatever
//! `standard_conforming_strings` is.

use memchr::{memchr, memchr_iter};

use crate::sql::grammar::tokens::{Kind, Token, Tokens};

/// What the statements of a text do: a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Class(u16);

impl Class {
    /// No statement at all.
    pub const EMPTY: Self = Self(0);
    /// BEGIN, START TRANSACTION
    pub const BEGIN: Self = Self(1);
    /// COMMIT, END, PREPARE TRANSACTION, COMMIT PREPARED: something becomes durable.
    pub const COMMIT: Self = Self(1 << 1);
    /// ROLLBACK, ABORT, ROLLBACK PREPARED
    pub const ROLLBACK: Self = Self(1 << 2);
    /// SAVEPOINT, RELEASE, ROLLBACK TO
    pub const SAVEPOINT: Self = Self(1 << 3);
    /// SHOW: reads, and nothing else.
    pub const SHOW: Self = Self(1 << 4);
    /// SELECT, VALUES, TABLE, WITH, EXPLAIN, EXECUTE, cursors: may write through functions, CTEs or
    /// ANALYZE.
    pub const QUERY: Self = Self(1 << 5);
    /// INSERT, UPDATE, DELETE, MERGE
    pub const WRITE: Self = Self(1 << 6);
    /// CALL, DO: may do anything, also commit.
    pub const PROCEDURE: Self = Self(1 << 7);
    /// SET
    pub const SET: Self = Self(1 << 8);
    /// RESET
    pub const RESET: Self = Self(1 << 9);
    /// DISCARD
    pub const DISCARD: Self = Self(1 << 10);
    /// COPY
    pub const COPY: Self = Self(1 << 11);
    /// CREATE, ALTER, DROP and others that change the catalog or its statistics.
    pub const DDL: Self = Self(1 << 12);
    /// Anything else, words that begin no statement included.
    pub const OTHER: Self = Self(1 << 13);
    /// The text has more than one statement.
    pub const SEVERAL: Self = Self(1 << 14);

    /// All of them.
    const EVERYTHING: Self = Self((1 << 15) - 1);

    /// Both sets together.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Does any of these occur?
    pub const fn contains(self, any_of: Self) -> bool {
        self.0 & any_of.0 != 0
    }

    /// Does the text commit a transaction by a statement of its own? (CALL and DO may commit, too:
    /// [`Class::PROCEDURE`].)
    pub const fn contains_commit(self) -> bool {
        self.contains(Self::COMMIT)
    }

    /// May it change data? Not if it does nothing but begin, end, show and set.
    pub const fn may_write(self) -> bool {
        let harmless = Self::BEGIN.0
            | Self::COMMIT.0
            | Self::ROLLBACK.0
            | Self::SAVEPOINT.0
            | Self::SHOW.0
            | Self::SET.0
            | Self::RESET.0
            | Self::SEVERAL.0;
        self.0 & !harmless != 0
    }
}

/// What the statements of a text do. Costs some 20 ns for a single statement.
pub fn classify(text: &[u8]) -> Class {
    let first = statement(text, 0);
    if memchr(b';', text).is_none() {
        return first;
    }
    let mut all = first;
    let mut add = |at| {
        let class = statement(text, at);
        let several = if all == Class::EMPTY || class == Class::EMPTY { Class::EMPTY } else { Class::SEVERAL };
        all = all.union(class).union(several);
    };
    if memchr(b'\\', text).is_some() {
        // With standard_conforming_strings off a string may end elsewhere than here, so that any
        // `;` may stand outside of one. Comments without end behind each would be walked again and again.
        let mut budget = text.len().saturating_mul(4).saturating_add(4096);
        for semicolon in memchr_iter(b';', text) {
            let Some(left) = budget.checked_sub(blanks(text, semicolon + 1)) else { return Class::EVERYTHING };
            budget = left;
            add(semicolon + 1);
        }
    } else {
        Tokens::new(text).filter(|token| token.is(text, b';')).for_each(|token| add(token.end));
    }
    all
}

/// Bytes that are walked to find the first token at an offset.
fn blanks(text: &[u8], at: usize) -> usize {
    let end = match Tokens::starting_at(text, at).next() {
        Some(token) if token.kind != Kind::Unterminated => token.start,
        _ => text.len(),
    };
    end - at
}

/// The statement that begins at an offset (with white space and comments, perhaps).
fn statement(text: &[u8], at: usize) -> Class {
    let mut tokens = Tokens::starting_at(text, at);
    let Some(first) = tokens.next() else { return Class::EMPTY };
    if first.kind != Kind::Word {
        return if first.is(text, b';') {
            Class::EMPTY
        } else if first.is(text, b'(') {
            Class::QUERY
        } else {
            Class::OTHER
        };
    }
    let mut buffer = [0_u8; 10];
    let word = first.bytes(text);
    let Some(lower) = buffer.get_mut(..word.len()) else { return Class::OTHER };
    lower.copy_from_slice(word);
    lower.make_ascii_lowercase();
    match &*lower {
        b"select" | b"values" | b"table" | b"with" | b"explain" | b"execute" | b"fetch" | b"move" | b"declare" => {
            Class::QUERY
        }
        b"insert" | b"update" | b"delete" | b"merge" => Class::WRITE,
        b"begin" | b"start" => Class::BEGIN,
        b"commit" | b"end" => Class::COMMIT,
        b"prepare" if is_word(tokens.next(), text, "transaction") => Class::COMMIT,
        b"rollback" => rollback(text, tokens),
        b"abort" => Class::ROLLBACK,
        b"savepoint" | b"release" => Class::SAVEPOINT,
        b"show" => Class::SHOW,
        b"call" | b"do" => Class::PROCEDURE,
        b"set" => Class::SET,
        b"reset" => Class::RESET,
        b"discard" => Class::DISCARD,
        b"copy" => Class::COPY,
        b"create" | b"alter" | b"drop" | b"truncate" | b"comment" | b"grant" | b"revoke" | b"reindex" | b"cluster"
        | b"vacuum" | b"analyze" | b"analyse" | b"refresh" | b"security" | b"import" | b"reassign" => Class::DDL,
        _ => Class::OTHER,
    }
}

/// ROLLBACK [WORK | TRANSACTION] [TO …]: only without TO does it end the transaction.
fn rollback(text: &[u8], mut tokens: Tokens<'_>) -> Class {
    let next = match tokens.next() {
        Some(word) if word.is_word(text, "work") || word.is_word(text, "transaction") => tokens.next(),
        next => next,
    };
    if is_word(next, text, "to") { Class::SAVEPOINT } else { Class::ROLLBACK }
}

fn is_word(token: Option<Token>, text: &[u8], word: &str) -> bool {
    token.is_some_and(|token| token.is_word(text, word))
}

#[cfg(test)]
mod tests;
