//! What becomes of values: they stay what they are, are compared by their tokens, or have to be plain.

use super::{
    Resolver, Step, Stop,
    carry::{Carry, Reference, Sealed, Valued},
    flow::{FlowId, Use},
    refuse::Place,
    scope::open_values,
};
use crate::{
    config::Mode,
    sql::{
        grammar::edits::{Change, ColumnText, NodeAt, NodeKind, Wrap},
        model::Ordinal,
    },
};

impl Resolver<'_> {
    /// A value stays what it is.
    pub(super) fn keep(&mut self, value: &Valued) {
        for reference in &value.references {
            let wrap = self.kept_as(reference, value);
            self.renaming += usize::from(wrap != Wrap::Nothing);
            self.wrap(reference, wrap);
        }
    }

    /// What has to stand around a reference so that the value stays what it is: one that is grouped by is
    /// any of its group's.
    pub(super) fn kept_as(&self, reference: &Reference, value: &Valued) -> Wrap {
        if reference.grouped && value.carry.sealed().is_some() {
            Wrap::AnyValue(self.catalog.any_value.unwrap_or("pgveil"))
        } else {
            Wrap::Nothing
        }
    }

    /// A value is used where only plain ones can be.
    pub(super) fn plain_value(&mut self, value: &Valued, place: Place<'_>, location: i32) -> Step<()> {
        let location = value.location(location);
        match value.carry {
            Carry::Plain => {
                self.keep(value);
                Ok(())
            }
            Carry::Open(flow) => {
                self.keep(value);
                self.use_flow(flow, Use::Plain, location)
            }
            Carry::Sealed(sealed) => Err(self.unsupported(sealed.ordinal, place, location)),
        }
    }

    /// Values are used together: beside a plain column the statement's own have to be what they are.
    pub(super) fn plain_values(&mut self, values: &[&Valued], place: Place<'_>, location: i32) -> Step<()> {
        let level = self.loose.level();
        values.iter().try_for_each(|value| self.plain_value(value, place, location))?;
        if values.iter().any(|value| value.carry == Carry::Plain && !value.references.is_empty()) {
            self.loose.want(level);
        }
        Ok(())
    }

    /// A whole row is used: none of its columns may be sealed.
    pub(super) fn plain_row(&mut self, carried: &[Carry], location: i32) -> Step<()> {
        if carried.iter().any(|carry| carry.sealed().is_some()) {
            return Err(self.whole_row(location));
        }
        let open: Vec<FlowId> = open_values(carried).collect();
        open.into_iter().try_for_each(|flow| self.use_flow(flow, Use::Plain, location))
    }

    /// A sealed value stands for its token.
    pub(super) fn tokenise(&mut self, value: &Valued, sealed: Sealed, place: Place<'_>, location: i32) -> Step<()> {
        let location = value.location(location);
        if self.sealed_column(sealed.ordinal)?.mode != Mode::Equality {
            return Err(self.unsupported(sealed.ordinal, place, location));
        }
        let domain = &self.sealed_column(sealed.ordinal)?.domain;
        for other in self.mixtures.of(sealed).iter() {
            let other = self.sealed_column(*other)?;
            if other.mode != Mode::Equality || other.domain != *domain {
                let what = format_args!("{place} where it is mixed with values of another domain");
                let hint = "columns to be compared together need mode equality and the same `domain:`";
                return Err(self.unsupported_because(sealed.ordinal, "sql/different-domain", what, hint, location));
            }
        }
        if value.references.is_empty() {
            let hint = "compare the column itself, not what CASE or a function makes of it";
            let what = format_args!("{place} with a computed value");
            return Err(self.unsupported_because(sealed.ordinal, "sql/unsupported-operand", what, hint, location));
        }
        value.references.iter().for_each(|reference| self.wrap(reference, Wrap::Token));
        Ok(())
    }

    /// Writes what stands around a reference, whatever stood there before.
    pub(super) fn wrap(&mut self, reference: &Reference, wrap: Wrap) {
        let at = NodeAt { kind: NodeKind::ColumnRef, location: reference.location };
        // A subquery's expressions are not compared with what the query around it is grouped by
        // (check_ungrouped_columns_walker of parser/parse_agg.c); an aggregate of that query is.
        let wrap = match wrap {
            Wrap::Token if reference.grouped && reference.outer => {
                Wrap::TokenOfAny(self.catalog.any_value.unwrap_or("pgveil"))
            }
            wrap => wrap,
        };
        let change = match (&reference.rename, wrap) {
            (None, Wrap::Nothing) => None,
            (None, Wrap::Token) => Some(Change::Substring),
            (name, wrap) => Some(Change::Column(ColumnText { name: name.clone(), wrap })),
        };
        let before = self.wrapped.get(&reference.location).copied();
        match (before, change) {
            (None, None) => {}
            (Some(before), change) => {
                if let (Some(slot), Some(change)) = (self.changes.get_mut(before), change) {
                    slot.1 = change;
                }
            }
            (None, Some(change)) => {
                self.wrapped.insert(reference.location, self.changes.len());
                self.changes.push((at, change));
            }
        }
    }

    /// Refuses a value for a sealed column.
    pub(super) fn unassignable(&self, ordinal: Ordinal, what: &'static str, location: i32) -> Stop {
        let hint = "give the value as a literal or a parameter";
        self.unsupported_because(ordinal, "sql/unsupported-value", what, hint, location)
    }
}
