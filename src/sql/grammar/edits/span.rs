//! From a node's location to the bytes that are it.
//!
//! Nodes say where they start (gram.y: `@1` of the rule that makes them, for a few rules the place
//! of an operator); where they end is found by the tokens. Nothing here has to be right for safety:
//! a wrong span fails the proof. It has to be right for what applications send.

use std::ops::Range;

use super::proof::{CastAt, Inner, Shape};
use crate::sql::grammar::tokens::{Kind, Token, Tokens};

/// The reserved words that may follow a list of output columns (gram.y: `simple_select`,
/// `select_no_parens`, `InsertStmt`, `opt_with_data`, `opt_check_option`).
const TARGET_ENDS: &[&str] = &[
    "from",
    "into",
    "where",
    "group",
    "having",
    "window",
    "union",
    "intersect",
    "except",
    "order",
    "limit",
    "offset",
    "fetch",
    "for",
    "on",
    "returning",
    "with",
];

/// The tokens of one statement.
pub(super) struct Spans<'t> {
    text: &'t [u8],
    tokens: Vec<Token>,
}

/// The bytes of a value and of all that is cast around it.
pub(super) struct OperandSpan {
    pub(super) inner: Range<usize>,
    pub(super) whole: Range<usize>,
}

/// The tokens of `NULLIF(a, b)` that are not its operands.
pub(super) struct NullIfSpan {
    /// `NULLIF(`
    pub(super) open: Range<usize>,
    pub(super) comma: Range<usize>,
    pub(super) close: Range<usize>,
}

/// A run of tokens.
type Run = Range<usize>;

impl<'t> Spans<'t> {
    /// The tokens of the statement with these bounds.
    pub(super) fn new(text: &'t [u8], bounds: Range<usize>) -> Self {
        let tokens = Tokens::starting_at(text, bounds.start).take_while(|token| token.end <= bounds.end).collect();
        Self { text, tokens }
    }

    /// A part of the text.
    pub(super) fn slice(&self, span: Range<usize>) -> Option<&'t str> {
        std::str::from_utf8(self.text.get(span)?).ok()
    }

    /// A name without a qualification.
    pub(super) fn bare_name(&self, location: i32) -> Option<Range<usize>> {
        let start = self.index(location)?;
        let end = self.name(start)?;
        if self.is(end, b'.') { None } else { self.bytes(start..end) }
    }

    /// A column's name with its qualification. `t.*` is none.
    pub(super) fn column_ref(&self, location: i32) -> Option<Range<usize>> {
        let start = self.index(location)?;
        let mut end = self.name(start)?;
        while self.is(end, b'.') {
            end = self.name(end + 1)?;
        }
        self.bytes(start..end)
    }

    /// An element of an ON CONFLICT target that is a column's name and nothing else.
    pub(super) fn index_elem(&self, location: i32) -> Option<Range<usize>> {
        let start = self.index(location)?;
        let end = self.name(start)?;
        if self.is(end, b',') || self.is(end, b')') { self.bytes(start..end) } else { None }
    }

    /// `*` or `t.*`
    pub(super) fn star(&self, location: i32) -> Option<Range<usize>> {
        let start = self.index(location)?;
        let mut end = start;
        while !self.is(end, b'*') {
            end = self.name(end)?;
            if !self.is(end, b'.') {
                return None;
            }
            end += 1;
        }
        self.bytes(start..end + 1)
    }

    /// The expression of an output column without a name: up to what ends a list of output columns
    /// at the same level.
    pub(super) fn target(&self, location: i32) -> Option<Range<usize>> {
        let start = self.index(location)?;
        let mut at = start;
        while let Some(token) = self.tokens.get(at) {
            at = match token.kind {
                Kind::Punct => match token.bytes(self.text) {
                    b"(" | b"[" => self.closing(at)?,
                    b"," | b")" | b"]" | b";" => break,
                    // A name behind a dot is no keyword.
                    b"." => at + 2,
                    _ => at + 1,
                },
                Kind::Word if self.is_pair(at) => at + 2,
                Kind::Word if TARGET_ENDS.iter().any(|word| token.is_word(self.text, word)) => break,
                _ => at + 1,
            };
        }
        self.bytes(start..at)
    }

    /// Two words of an expression of which the second could end a list of output columns, or the
    /// first could.
    fn is_pair(&self, at: usize) -> bool {
        let pairs = [("distinct", "from"), ("within", "group"), ("with", "time")];
        pairs.iter().any(|(first, second)| self.is_word(at, first) && self.is_word(at + 1, second))
    }

    /// A word that stands right before what stands at a location.
    pub(super) fn word_before(&self, location: i32, word: &str) -> Option<Range<usize>> {
        let at = self.index(location)?.checked_sub(1)?;
        if self.is_word(at, word) { self.bytes(at..at + 1) } else { None }
    }

    /// `USING (…)`
    pub(super) fn using(&self, location: i32) -> Option<Range<usize>> {
        let start = self.index(location)?;
        if self.is_word(start, "using") { self.bytes(start..self.closing(start + 1)?) } else { None }
    }

    /// `NULLIF(a, b)`
    pub(super) fn null_if(&self, location: i32) -> Option<NullIfSpan> {
        let start = self.index(location)?;
        let end = self.closing(start + 1)?;
        let mut at = start + 2;
        while !self.is(at, b',') {
            at = if self.is(at, b'(') || self.is(at, b'[') { self.closing(at)? } else { at + 1 };
            if at >= end {
                return None;
            }
        }
        let bytes = |run| self.bytes(run);
        Some(NullIfSpan { open: bytes(start..start + 2)?, comma: bytes(at..at + 1)?, close: bytes(end - 1..end)? })
    }

    /// `LIKE`, `NOT LIKE` and their operators; true if negated.
    pub(super) fn like(&self, location: i32) -> Option<(Range<usize>, bool)> {
        let at = self.index(location)?;
        let negated = self.is_word(at, "not");
        let end = at + 1 + usize::from(negated);
        if self.is_word(end - 1, "like") {
            return Some((self.bytes(at..end)?, negated));
        }
        match self.tokens.get(at)?.bytes(self.text) {
            b"~~" => Some((self.bytes(at..end)?, false)),
            b"!~~" => Some((self.bytes(at..end)?, true)),
            _ => None,
        }
    }

    /// `ON CONSTRAINT name`
    pub(super) fn constraint(&self, location: i32) -> Option<Range<usize>> {
        let start = self.index(location)?;
        if !self.is_word(start, "on") || !self.is_word(start + 1, "constraint") {
            return None;
        }
        self.bytes(start..self.name(start + 2)?)
    }

    /// The name of a type.
    pub(super) fn type_at(&self, location: i32) -> Option<Range<usize>> {
        let start = self.index(location)?;
        self.bytes(start..self.type_name(start)?)
    }

    /// What has to be replaced so that of one cast only its value is left: `::t`, `CAST(` and `AS t)`,
    /// or what stands around the string of a typed literal. Parentheses stay: without the cast the
    /// value may need them.
    pub(super) fn uncast(&self, shape: &Shape) -> Option<Vec<(Range<usize>, &'static str)>> {
        let [cast] = shape.casts.as_slice() else { return None };
        if cast.location < 0 {
            let OperandSpan { inner, whole } = self.operand(shape)?;
            let around = [whole.start..inner.start, inner.end..whole.end];
            return Some(around.into_iter().filter(|span| !span.is_empty()).map(|span| (span, "")).collect());
        }
        let at = self.index(cast.location)?;
        if self.tokens.get(at)?.kind == Kind::Typecast {
            return Some(vec![(self.bytes(at..self.type_name(at + 1)?)?, "")]);
        }
        if !self.is_word(at, "cast") {
            return None;
        }
        let end = self.closing(at + 1)?;
        let type_start = self.index(cast.type_location)?;
        // `CAST(x AS SETOF t)` is no expression of a statement that would run.
        let keyword = type_start.checked_sub(1).filter(|&n| n > at + 1 && self.is_word(n, "as"))?;
        Some(vec![(self.bytes(at..at + 2)?, "("), (self.bytes(keyword..end)?, ")")])
    }

    /// A value with the casts around it.
    pub(super) fn operand(&self, shape: &Shape) -> Option<OperandSpan> {
        let inner = match shape.inner {
            Inner::Const(location) => self.constant(location)?,
            Inner::Param(location) => {
                let start = self.index(location)?;
                if self.tokens.get(start)?.kind != Kind::Param {
                    return None;
                }
                start..start + 1
            }
            Inner::Array(location) => {
                let start = self.index(location)?;
                let bracket = start + usize::from(self.is_word(start, "array"));
                start..self.closing(bracket)?
            }
            Inner::Other => return None,
        };
        let mut whole = inner.clone();
        for cast in shape.casts.iter().rev() {
            whole = self.cast(cast, whole)?;
        }
        Some(OperandSpan { inner: self.bytes(inner)?, whole: self.bytes(whole)? })
    }

    /// The cast around a value.
    fn cast(&self, cast: &CastAt, value: Run) -> Option<Run> {
        if cast.minus {
            let at = self.index(cast.location).filter(|at| self.is(*at, b'-'))?;
            return Some(at..self.parenthesised_behind(value, at)?.end);
        }
        if cast.location < 0 {
            return self.typed_literal(self.index(cast.type_location)?, value);
        }
        let at = self.index(cast.location)?;
        if self.tokens.get(at)?.kind == Kind::Typecast {
            let value = self.parenthesised(value, at)?;
            return Some(value.start..self.type_name(at + 1)?);
        }
        if self.is_word(at, "cast") { Some(at..self.closing(at + 1)?) } else { None }
    }

    /// `date '…'`, `numeric(4,2) '…'`, `interval '…' day to second`.
    fn typed_literal(&self, start: usize, value: Run) -> Option<Run> {
        if start >= value.start {
            return None;
        }
        let end = value.end;
        let end = if self.is_word(start, "interval") { self.interval_fields(end) } else { end };
        Some(start..end)
    }

    /// A literal: string, number with its sign, TRUE, FALSE or NULL.
    fn constant(&self, location: i32) -> Option<Run> {
        let start = self.index(location)?;
        if self.is(start, b'-') { self.negated(start) } else { self.unsigned(start) }
    }

    fn unsigned(&self, start: usize) -> Option<Run> {
        let token = self.tokens.get(start)?;
        match token.kind {
            _ if token.is_string() => Some(start..self.escape_clause(start)),
            Kind::BitString | Kind::Number => Some(start..start + 1),
            Kind::Word if ["true", "false", "null"].iter().any(|word| token.is_word(self.text, word)) => {
                Some(start..start + 1)
            }
            _ => None,
        }
    }

    /// A negative number: the grammar folds `-` into the constant behind it, through parentheses.
    /// Of other constants it moves the location to the `-`, and leaves that alone (gram.y:
    /// `doNegate`).
    fn negated(&self, start: usize) -> Option<Run> {
        let mut at = start;
        let mut open = 0;
        loop {
            if self.is(at, b'(') {
                open += 1;
            } else if !self.is(at, b'-') {
                break;
            }
            at += 1;
        }
        if self.tokens.get(at)?.kind != Kind::Number {
            return self.unsigned(at);
        }
        let end = at + 1 + open;
        (at + 1..end).all(|i| self.is(i, b')')).then_some(start..end)
    }

    /// A value and the parentheses between it and the token that is to follow.
    fn parenthesised(&self, mut value: Run, follower: usize) -> Option<Run> {
        while value.end != follower {
            let before = value.start.checked_sub(1)?;
            if !self.is(before, b'(') || !self.is(value.end, b')') {
                return None;
            }
            value = before..value.end + 1;
        }
        Some(value)
    }

    /// A value and the parentheses between it and the token before it.
    fn parenthesised_behind(&self, mut value: Run, leader: usize) -> Option<Run> {
        while value.start != leader + 1 {
            let before = value.start.checked_sub(1)?;
            if !self.is(before, b'(') || !self.is(value.end, b')') {
                return None;
            }
            value = before..value.end + 1;
        }
        Some(value)
    }

    /// Behind the type name that starts here (gram.y: `Typename`).
    fn type_name(&self, at: usize) -> Option<usize> {
        let at = at + usize::from(self.is_word(at, "setof"));
        let mut end = self.name(at)?;
        let is = |words: &[&str]| words.iter().any(|word| self.is_word(at, word));
        if is(&["double"]) {
            end += usize::from(self.is_word(end, "precision"));
        } else if is(&["interval"]) && !self.is(end, b'(') {
            end = self.interval_fields(end);
        } else if is(&["national", "character", "char", "nchar", "bit"]) {
            if is(&["national"]) {
                end += usize::from(self.is_word(end, "character") || self.is_word(end, "char"));
            }
            end += usize::from(self.is_word(end, "varying"));
        }
        while self.is(end, b'.') {
            end = self.name(end + 1)?;
        }
        if self.is(end, b'(') {
            end = self.closing(end)?;
        }
        if is(&["time", "timestamp"])
            && (self.is_word(end, "with") || self.is_word(end, "without"))
            && self.is_word(end + 1, "time")
            && self.is_word(end + 2, "zone")
        {
            end += 3;
        }
        if self.is_word(end, "array") {
            end += 1;
        }
        while self.is(end, b'[') {
            end = self.closing(end)?;
        }
        Some(end)
    }

    /// Behind the fields of an interval, if some stand here: `day to second(3)`.
    fn interval_fields(&self, at: usize) -> usize {
        let Some(mut end) = self.interval_field(at) else { return at };
        if self.is_word(end, "to")
            && let Some(to) = self.interval_field(end + 1)
        {
            end = to;
        }
        end
    }

    fn interval_field(&self, at: usize) -> Option<usize> {
        let fields = ["year", "month", "day", "hour", "minute", "second"];
        if !fields.iter().any(|field| self.is_word(at, field)) {
            return None;
        }
        if self.is_word(at, "second") && self.is(at + 1, b'(') { self.closing(at + 1) } else { Some(at + 1) }
    }

    /// Behind the name that starts here.
    fn name(&self, at: usize) -> Option<usize> {
        match self.tokens.get(at)?.kind {
            Kind::Word | Kind::QuotedIdent => Some(at + 1),
            Kind::UnicodeIdent => Some(self.escape_clause(at)),
            _ => None,
        }
    }

    /// Behind the token and the `UESCAPE '…'` that belongs to it.
    fn escape_clause(&self, at: usize) -> usize {
        let unicode =
            matches!(self.tokens.get(at), Some(t) if matches!(t.kind, Kind::UnicodeString | Kind::UnicodeIdent));
        if unicode && self.is_word(at + 1, "uescape") { at + 3 } else { at + 1 }
    }

    /// Behind the bracket that closes the one that opens here.
    fn closing(&self, at: usize) -> Option<usize> {
        if !self.is(at, b'(') && !self.is(at, b'[') {
            return None;
        }
        let mut depth = 0_usize;
        for (n, token) in self.tokens.iter().enumerate().skip(at).filter(|(_, token)| token.kind == Kind::Punct) {
            match token.bytes(self.text) {
                b"(" | b"[" => depth += 1,
                b")" | b"]" => depth = depth.checked_sub(1)?,
                _ => continue,
            }
            if depth == 0 {
                return Some(n + 1);
            }
        }
        None
    }

    /// The token that starts at a location.
    fn index(&self, location: i32) -> Option<usize> {
        let location = usize::try_from(location).ok()?;
        self.tokens.binary_search_by_key(&location, |token| token.start).ok()
    }

    fn bytes(&self, run: Run) -> Option<Range<usize>> {
        let last = run.end.checked_sub(1)?;
        Some(self.tokens.get(run.start)?.start..self.tokens.get(last)?.end)
    }

    fn is(&self, at: usize, character: u8) -> bool {
        self.tokens.get(at).is_some_and(|token| token.is(self.text, character))
    }

    fn is_word(&self, at: usize, word: &str) -> bool {
        self.tokens.get(at).is_some_and(|token| token.is_word(self.text, word))
    }
}
