//! Literals that travel as they are although the statement seals the same value.
//!
//! Drivers that put values into the text make `('x' = '' OR c = 'x')` of `($1 = '' OR c = $1)`. What is compared
//! with a plain column or stored in one has to be there; what is asked of the value alone the server need not
//! be told: it is rewritten where the answer stays the same, and refused elsewhere.

use std::{borrow::Cow, collections::HashSet, sync::Arc};

use pg_raw_parse::{ConstValue, Node, nodes::A_Const};

use super::{
    Resolver, Step,
    carry::Carry,
    mention,
    operand::{Operand, operand},
    types::Types,
};
use crate::{
    config::ProtectedColumn,
    sql::{
        grammar::edits::{Change, NodeAt},
        model::{Literal, Ordinal, Refusal},
    },
    values::Source,
};

/// Shorter strings (`''`, `'1'`, `'t'`) stand in statements for reasons of their own.
const SHORTEST_STRING: usize = 2;

/// Numbers with fewer digits (`SELECT 1`, `1 = 1`, `generate_series(1, 1000)`) do, too.
const SHORTEST_NUMBER: usize = 5;

/// unknown, text, varchar: two literals are equal if their bytes are, whatever the collation (a database's is
/// deterministic). Not char(n), which disregards blanks.
const TEXTS: [u32; 3] = [0, 25, 1043];

/// The statement's own values that travel as they are.
#[derive(Default)]
pub(in crate::sql) struct Loose<'a> {
    seen: Vec<Seen<'a>>,
    pairs: Vec<Pair>,
    /// How many plain columns were named in the expression at hand.
    columns: usize,
}

struct Seen<'a> {
    value: Value<'a>,
    /// It is no part of the expression at hand: it belongs to a subquery of it.
    inner: bool,
    /// It is compared with a plain column, or stored in one.
    wanted: bool,
}

#[derive(Clone, Copy)]
enum Value<'a> {
    Literal(&'a A_Const),
    /// By its index.
    Parameter(usize),
}

/// `'x' = ''`: whether they are equal is all that matters.
struct Pair([Known; 2]);

/// Literals of which the first is the value, and the others never are: `coalesce('x', '')`.
struct Known(Vec<(NodeAt, Literal)>);

/// How far a walk has got.
#[derive(Clone, Copy)]
pub(super) struct Level {
    seen: usize,
    pairs: usize,
    columns: usize,
}

/// Some literals that were seen one after another.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::sql) struct Literals {
    start: usize,
    end: usize,
}

impl Level {
    pub(super) fn names_column_since(self, before: Self) -> bool {
        self.columns > before.columns
    }
}

impl Known {
    fn of(node: Node<'_>, start: usize, types: Types<'_>) -> Option<Self> {
        let text = |source: Source| TEXTS.contains(&source.oid) && source.typmod == -1;
        let one = |node| match operand(node, types) {
            Operand::Null(_, source) if text(source) => Some(None),
            Operand::Literal(constant) if text(constant.source) => {
                Some(Some((constant.outer.at, constant.literal(start))))
            }
            _ => None,
        };
        let literals = match node {
            Node::CoalesceExpr(expr) => expr.args().iter().map(one).collect::<Option<Vec<_>>>()?,
            node => vec![one(node)?],
        };
        let literals: Vec<_> = literals.into_iter().flatten().collect();
        (!literals.is_empty()).then_some(Self(literals))
    }

    fn text(&self) -> Option<&str> {
        self.0.first().map(|(_, literal)| literal.text.as_str())
    }
}

impl<'a> Loose<'a> {
    pub(super) fn level(&self) -> Level {
        Level { seen: self.seen.len(), pairs: self.pairs.len(), columns: self.columns }
    }

    /// Forgets what was seen since.
    pub(super) fn back_to(&mut self, level: Level) {
        self.seen.truncate(level.seen);
        self.pairs.truncate(level.pairs);
        self.columns = level.columns;
    }

    /// A plain column is named.
    pub(super) fn column(&mut self) {
        self.columns += 1;
    }

    /// A literal travels as it is.
    pub(super) fn literal(&mut self, constant: &'a A_Const) {
        self.seen.push(Seen { value: Value::Literal(constant), inner: false, wanted: false });
    }

    /// A parameter travels as it is.
    pub(super) fn parameter(&mut self, number: i32) {
        if let Some(index) = usize::try_from(number).ok().and_then(|number| number.checked_sub(1)) {
            self.seen.push(Seen { value: Value::Parameter(index), inner: false, wanted: false });
        }
    }

    /// The parameters that the statement asks about by themselves, and nothing else.
    pub(in crate::sql) fn alone(&self) -> Vec<usize> {
        let parameters = |wanted| {
            self.seen.iter().filter(move |seen| seen.wanted == wanted).filter_map(|seen| match seen.value {
                Value::Parameter(index) => Some(index),
                Value::Literal(_) => None,
            })
        };
        let wanted: HashSet<usize> = parameters(true).collect();
        parameters(false).filter(|index| !wanted.contains(index)).collect()
    }

    /// What was seen since in the expression at hand has to be what it is.
    pub(super) fn want(&mut self, since: Level) {
        self.seen.iter_mut().skip(since.seen).filter(|seen| !seen.inner).for_each(|seen| seen.wanted = true);
    }

    /// As [`Self::want`], if the expression names a plain column.
    pub(super) fn want_beside_columns(&mut self, since: Level) {
        if self.level().names_column_since(since) {
            self.want(since);
        }
    }

    /// What was seen since; nothing if a subquery's conditions are among it.
    pub(super) fn since(&self, level: Level) -> Literals {
        let start = if self.seen.iter().skip(level.seen).any(|seen| seen.inner) { self.seen.len() } else { level.seen };
        Literals { start, end: self.seen.len() }
    }

    /// What is computed of these goes into a plain column.
    pub(super) fn want_of(&mut self, literals: Literals) {
        let these = self.seen.get_mut(literals.start..literals.end).unwrap_or_default();
        for seen in these {
            seen.wanted = true;
        }
    }

    /// What was seen since, in a subquery for example, is no part of the expression around it.
    pub(super) fn leave(&mut self, since: Level) {
        self.seen.iter_mut().skip(since.seen).for_each(|seen| seen.inner = true);
        self.columns = since.columns;
    }

    /// Decides about what has been seen, now that it is known which values are sealed.
    pub(in crate::sql) fn settle(
        self,
        changes: &mut Vec<(NodeAt, Change)>,
        columns: &[Arc<ProtectedColumn>],
    ) -> Result<(), Refusal> {
        if self.seen.is_empty() && self.pairs.is_empty() {
            return Ok(());
        }
        let mut hidden = Vec::new();
        {
            let sealed: HashSet<Cow<'_, str>> =
                changes.iter().flat_map(|(_, change)| sealed_texts(change, columns)).collect();
            let texts = |wanted| {
                self.seen.iter().filter(move |seen| seen.wanted == wanted).filter_map(|seen| match seen.value {
                    Value::Literal(constant) => telling(constant).map(|text| (constant, text)),
                    Value::Parameter(_) => None,
                })
            };
            // What has to travel once tells no more if it does twice.
            let wanted: HashSet<Cow<'_, str>> = texts(true).map(|(_, text)| text).collect();
            let mut others = texts(false).filter(|(_, text)| !wanted.contains(text));
            if let Some((constant, _)) = others.find(|(_, text)| sealed.contains(text)) {
                return Err(refusal(constant));
            }
            let is_sealed = |(_, it): &(NodeAt, Literal)| !it.text.is_empty() && sealed.contains(it.text.as_str());
            for Pair([left, right]) in self.pairs {
                if left.0.iter().chain(&right.0).any(is_sealed) {
                    let other = if left.text() == right.text() { "" } else { "-" };
                    hidden.extend(left.0.into_iter().map(|(at, _)| (at, Change::Instead(""))));
                    hidden.extend(right.0.into_iter().map(|(at, _)| (at, Change::Instead(other))));
                }
            }
        }
        changes.append(&mut hidden);
        Ok(())
    }
}

impl<'a> Resolver<'a> {
    /// `'x' = ''` of two texts, or NULLIF of them of which only is asked whether it is NULL. False if it is
    /// something else: nothing of it has been walked then.
    pub(super) fn known_pair(&mut self, left: Node<'a>, right: Node<'a>) -> bool {
        let of = |node| Known::of(node, self.start, self.types());
        let sides = of(left).zip(of(right));
        let found = sides.is_some();
        self.loose.pairs.extend(sides.map(|(left, right)| Pair([left, right])));
        found
    }

    /// A column that carries this is named.
    pub(super) fn plain_is_named(&mut self, carry: Carry) {
        if carry == Carry::Plain {
            self.loose.column();
        }
    }

    /// An argument of EXECUTE for a parameter that is asked about by itself.
    pub(super) fn loose_argument(&mut self, node: Node<'a>) {
        // What cannot be walked has been refused before.
        let _ = mention::walk(node, |node| -> Option<()> {
            if let Node::A_Const(constant) = node {
                self.loose.literal(constant);
            }
            None
        });
    }

    /// An expression: beside a plain column its literals are what they have to be.
    pub(super) fn beside_columns<T>(&mut self, walk: impl FnOnce(&mut Self) -> Step<T>) -> Step<T> {
        let level = self.loose.level();
        let result = walk(self)?;
        self.loose.want_beside_columns(level);
        Ok(result)
    }

    /// What goes into a plain column.
    pub(super) fn wanted<T>(&mut self, walk: impl FnOnce(&mut Self) -> Step<T>) -> Step<T> {
        let level = self.loose.level();
        let result = walk(self)?;
        self.loose.want(level);
        Ok(result)
    }
}

/// The text of a literal that is long enough to be no coincidence.
fn telling(constant: &A_Const) -> Option<Cow<'_, str>> {
    let text = match constant.val()? {
        ConstValue::String(text) => return (text.len() >= SHORTEST_STRING).then_some(Cow::Borrowed(text)),
        ConstValue::Integer(number) => number.to_string(),
        ConstValue::Float(number) => number.replace('_', ""),
        _ => return None,
    };
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    (digits >= SHORTEST_NUMBER).then_some(Cow::Owned(text))
}

/// The values that a change hides.
fn sealed_texts<'c>(change: &'c Change, columns: &[Arc<ProtectedColumn>]) -> Vec<Cow<'c, str>> {
    let is_array = |ordinal: Ordinal| columns.get(ordinal).is_some_and(|column| column.ty.is_array());
    match change {
        Change::Seal(ordinal, literal) | Change::SealAs(ordinal, _, literal) | Change::Token(ordinal, literal) => {
            let mut texts = if is_array(*ordinal) { elements(&literal.text) } else { Vec::new() };
            texts.push(Cow::Borrowed(literal.text.as_str()));
            texts
        }
        Change::SealArray(_, literal) | Change::TokenArray(_, literal) => {
            let mut texts = elements(&literal.text);
            texts.push(Cow::Borrowed(literal.text.as_str()));
            texts
        }
        _ => Vec::new(),
    }
}

/// The elements of an array literal, however deep they lie; of another text nothing.
fn elements(text: &str) -> Vec<Cow<'_, str>> {
    let mut texts = Vec::new();
    let Some(mut rest) = text.strip_prefix('{') else { return texts };
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || matches!(c, '{' | '}' | ','));
        if let Some(quoted) = rest.strip_prefix('"') {
            let mut element = String::new();
            let mut chars = quoted.chars();
            while let Some(c) = chars.next().filter(|c| *c != '"') {
                element.extend(if c == '\\' { chars.next() } else { Some(c) });
            }
            rest = chars.as_str();
            texts.push(Cow::Owned(element));
        } else {
            let (element, behind) = rest.split_at(rest.find(['{', '}', ',']).unwrap_or(rest.len()));
            if element.is_empty() {
                return texts;
            }
            rest = behind;
            texts.push(Cow::Borrowed(element.trim_ascii_end()));
        }
    }
}

fn refusal(constant: &A_Const) -> Refusal {
    let refusal = Refusal::unsupported(
        "sql/shared-value",
        "a value for a sealed column stands elsewhere in the statement, where it would be sent as it is",
    )
    .detail("It is neither compared with a plain column there nor stored in one.")
    .hint("compute in the application what depends on the value alone, or leave it out of the statement");
    match usize::try_from(constant.location) {
        Ok(at) => refusal.at(at),
        Err(_) => refusal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_elements_of_an_array_are_told_from_each_other() {
        let cases: [(&str, &[&str]); 6] = [
            ("{a,b}", &["a", "b"]),
            (r#"{ "a,\"b" , NULL,{c d ,"e\\"}}"#, &["a,\"b", "NULL", "c d", "e\\"]),
            ("{}", &[]),
            ("plain", &[]),
            ("{\"open", &["open"]),
            ("{\"\"}", &[""]),
        ];
        for (text, expected) in cases {
            assert_eq!(elements(text), expected, "{text}");
        }
    }
}
