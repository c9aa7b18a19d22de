//! Where in the text each change is written, and in which order what meets at one place.

use std::{borrow::Cow, cmp::Reverse, ops::Range};

use super::{
    Change, NodeAt, NodeKind, Qualified, Wrap, forms,
    proof::{Found, Shape},
    span::Spans,
};
use crate::sql::model::{Edit, Replacement};

/// Collects the edits of one statement, in the whole text.
pub(super) struct Places<'s, 't> {
    spans: &'s Spans<'t>,
    pieces: Vec<Piece>,
}

/// A part of a change: what is written in the place of some bytes, or between two.
struct Piece {
    span: Range<usize>,
    side: Side,
    with: Replacement,
}

/// How a piece lies to the node that it belongs to, in the order of what meets at one place: what is
/// written behind the nodes that end here (the inner ones first; of two alike the output column is the
/// outer one), before those that start here (the outer ones first), and instead of what follows.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Side {
    Behind { start: Reverse<usize>, target: bool },
    Before { end: Reverse<usize> },
    Instead,
}

impl<'s, 't> Places<'s, 't> {
    pub(super) fn new(spans: &'s Spans<'t>) -> Self {
        Self { spans, pieces: Vec::new() }
    }

    /// Adds what one change needs.
    pub(super) fn add(&mut self, at: NodeAt, change: Change, found: &Found) -> Option<()> {
        let Found::Once(shape) = found else { return None };
        let spans = self.spans;
        match change {
            Change::Qualify(schema) => {
                let name = spans.bare_name(at.location)?;
                self.before(&name, owned(format!("{}.", forms::quote_ident(&schema))));
            }
            Change::Substring if at.kind == NodeKind::IndexElem => {
                let span = spans.index_elem(at.location)?;
                self.around(&span, Wrap::Token);
            }
            Change::Substring => self.around(&spans.column_ref(at.location)?, Wrap::Token),
            Change::Column(text) => match text.name {
                Some(name) => {
                    let span = match at.kind {
                        NodeKind::ColumnRef => spans.column_ref(at.location)?,
                        _ => spans.operand(shape)?.whole,
                    };
                    self.instead(span, owned(forms::wrapped_text(&name, text.wrap)));
                }
                None => self.around(&spans.column_ref(at.location)?, text.wrap),
            },
            Change::Star(columns) => {
                let columns: Vec<_> = columns.iter().map(Qualified::text).collect();
                self.instead(spans.star(at.location)?, owned(columns.join(", ")));
            }
            Change::Name(name) => {
                let target = spans.target(at.location)?;
                self.behind(&target, true, owned(format!(" AS {}", forms::quote_ident(&name))));
            }
            Change::DistinctOn(items) => {
                let distinct = spans.word_before(at.location, "distinct")?;
                self.behind(&distinct, false, owned(forms::distinct_on_text(&items)));
            }
            Change::On(pairs) => self.instead(spans.using(at.location)?, owned(forms::on_text(&pairs))),
            Change::Uncast => {
                for (span, with) in spans.uncast(shape)? {
                    self.instead(span, Replacement::Text(Cow::Borrowed(with)));
                }
            }
            Change::NullIf { kept, column } => {
                let parts = spans.null_if(at.location)?;
                let column = if let Some(name) = &kept.name {
                    forms::wrapped_text(name, kept.wrap)
                } else {
                    let (before, behind) = kept.wrap.text();
                    format!("{before}{}{behind}", spans.slice(spans.column_ref(column)?)?)
                };
                // In parentheses: what stands around it may touch it.
                self.instead(parts.open, Replacement::Text(Cow::Borrowed("(CASE WHEN ")));
                self.instead(parts.comma, Replacement::Text(Cow::Borrowed(" = ")));
                self.instead(parts.close, owned(format!(" THEN NULL ELSE {column} END)")));
            }
            Change::Equals => {
                let (span, negated) = spans.like(at.location)?;
                self.instead(span, Replacement::Text(Cow::Borrowed(if negated { "<>" } else { "=" })));
            }
            Change::Columns(columns) => {
                let name = spans.column_ref(at.location)?;
                let columns: Vec<_> = columns.iter().map(|column| forms::quote_ident(column)).collect();
                self.behind(&name, false, owned(format!(" ({})", columns.join(", "))));
            }
            Change::Keys(keys) => self.instead(spans.constraint(at.location)?, owned(forms::keys_text(&keys))),
            Change::Bytea { array } => {
                self.instead(spans.type_at(at.location)?, Replacement::Text(Cow::Borrowed(forms::bytea_text(array))));
            }
            Change::ByteaArray => {
                let span = spans.operand(shape)?;
                if span.whole.start < span.inner.start {
                    self.instead(span.whole.start..span.inner.start, Replacement::Text(Cow::Borrowed("")));
                }
                let cast = Replacement::Text(Cow::Borrowed("::pg_catalog.bytea[]"));
                if span.inner.end < span.whole.end {
                    self.instead(span.inner.end..span.whole.end, cast);
                } else {
                    self.behind(&span.inner, false, cast);
                }
            }
            Change::Instead(text) => self.value(shape, owned(format!("'{text}'")))?,
            Change::LookedAt(_) => self.value(shape, Replacement::Text(Cow::Borrowed("''")))?,
            Change::Null => self.value(shape, Replacement::Text(Cow::Borrowed("NULL")))?,
            Change::NullBytea => self.value(shape, Replacement::Text(Cow::Borrowed("NULL::pg_catalog.bytea")))?,
            Change::Param(number) => self.value(shape, owned(format!("${number}")))?,
            Change::Seal(column, literal) => self.value(shape, Replacement::Seal(column, literal))?,
            Change::SealAs(column, ty, literal) => self.value(shape, Replacement::SealAs(column, ty, literal))?,
            Change::Token(column, literal) => self.value(shape, Replacement::Token(column, literal))?,
            Change::TokenArray(column, literal) => self.value(shape, Replacement::TokenArray(column, literal))?,
            Change::SealArray(column, literal) => self.value(shape, Replacement::SealArray(column, literal))?,
        }
        Some(())
    }

    /// The edits in the order of the text; nothing if some overlap.
    pub(super) fn edits(mut self) -> Option<Vec<Edit>> {
        self.pieces.sort_by_key(|piece| (piece.span.start, piece.side));
        let mut edits: Vec<Edit> = Vec::with_capacity(self.pieces.len());
        for Piece { span, with, .. } in self.pieces {
            if let Some(last) = edits.last_mut() {
                if last.span.end > span.start {
                    return None;
                }
                if last.span == span
                    && let (Replacement::Text(text), Replacement::Text(more)) = (&mut last.with, &with)
                {
                    text.to_mut().push_str(more);
                    continue;
                }
            }
            edits.push(Edit { span, with });
        }
        Some(edits)
    }

    fn before(&mut self, node: &Range<usize>, with: Replacement) {
        let side = Side::Before { end: Reverse(node.end) };
        self.pieces.push(Piece { span: node.start..node.start, side, with });
    }

    fn behind(&mut self, node: &Range<usize>, target: bool, with: Replacement) {
        let side = Side::Behind { start: Reverse(node.start), target };
        self.pieces.push(Piece { span: node.end..node.end, side, with });
    }

    fn instead(&mut self, span: Range<usize>, with: Replacement) {
        self.pieces.push(Piece { span, side: Side::Instead, with });
    }

    fn around(&mut self, node: &Range<usize>, wrap: Wrap) {
        if wrap != Wrap::Nothing {
            let (open, close) = wrap.text();
            self.before(node, owned(open));
            self.behind(node, false, Replacement::Text(Cow::Borrowed(close)));
        }
    }

    /// Instead of a value and the casts around it.
    fn value(&mut self, shape: &Shape, with: Replacement) -> Option<()> {
        self.instead(self.spans.operand(shape)?.whole, with);
        Some(())
    }
}

fn owned(text: String) -> Replacement {
    Replacement::Text(Cow::Owned(text))
}
