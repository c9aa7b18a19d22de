//! What a column or an expression carries: a plain value, a column's sealed value, or values that the
//! statement itself brings along and whose use decides how they travel.

use std::sync::Arc;

use super::flow::FlowId;
use crate::{
    sql::{
        catalog::Catalog,
        grammar::edits::Qualified,
        model::{Ordinal, Output},
    },
    values::LogicalType,
};

/// What a column or expression carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sql) enum Carry {
    /// A value that the server may see.
    Plain,
    /// The sealed value of a column, or NULL.
    Sealed(Sealed),
    /// Literals and parameters of the statement, on their way to where they are used.
    Open(FlowId),
}

/// A sealed value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sql) struct Sealed {
    /// Whose.
    pub(in crate::sql) ordinal: Ordinal,
    /// The type it is shown as, if that is not the column's own.
    pub(in crate::sql) shown: Option<LogicalType>,
    /// All such values are within the column's declared type: they can be stored in it as they are.
    pub(super) fits: bool,
    /// It may be another column's: number of the set of columns that it is of one of.
    pub(super) mixed: Option<usize>,
}

impl Sealed {
    /// A column's value just as the column has it.
    pub(super) fn column(ordinal: Ordinal) -> Self {
        Self { ordinal, shown: None, fits: true, mixed: None }
    }

    /// Is it of the column's own type? Only such values can be a view's: of its columns no more is known
    /// than whose values they are.
    pub(super) fn is_as_stored(&self, catalog: &Catalog) -> bool {
        self.mixed.is_none()
            && catalog.columns.get(self.ordinal).is_some_and(|column| {
                // Of a type without modifier every value fits.
                self.shown.is_none_or(|shown| shown == column.ty) && (self.fits || column.ty.typmod() == -1)
            })
    }
}

impl Carry {
    /// What a relation's column carries.
    pub(super) fn of_column(sealed: Option<Ordinal>) -> Self {
        sealed.map_or(Self::Plain, |ordinal| Self::Sealed(Sealed::column(ordinal)))
    }

    /// The sealed value, if it is one.
    pub(in crate::sql) fn sealed(self) -> Option<Sealed> {
        match self {
            Self::Sealed(sealed) => Some(sealed),
            Self::Plain | Self::Open(_) => None,
        }
    }

    /// What the client gets of it as a result.
    pub(super) fn output(self, catalog: &Catalog, mixtures: &Mixtures) -> Output {
        match self {
            Self::Sealed(Sealed { ordinal, shown, mixed: Some(set), .. }) => {
                let own = || catalog.columns.get(ordinal).map_or(LogicalType::Text, |column| column.ty);
                Output::OneOf(mixtures.get(set), shown.unwrap_or_else(own))
            }
            Self::Sealed(Sealed { ordinal, shown: None, .. }) => Output::Sealed(ordinal),
            Self::Sealed(Sealed { ordinal, shown: Some(ty), .. }) => Output::SealedAs(ordinal, ty),
            Self::Plain | Self::Open(_) => Output::Plain,
        }
    }
}

/// Sets of sealed columns whose values come together in one column: of UNION ALL, CASE …
#[derive(Debug, Default)]
pub(in crate::sql) struct Mixtures(Vec<Arc<[Ordinal]>>);

impl Mixtures {
    fn get(&self, set: usize) -> Arc<[Ordinal]> {
        self.0.get(set).cloned().unwrap_or_default()
    }

    /// The columns of which a value may be one's.
    pub(super) fn of(&self, sealed: Sealed) -> Arc<[Ordinal]> {
        sealed.mixed.map_or_else(|| Arc::from([sealed.ordinal]), |set| self.get(set))
    }

    /// The number of a set; None if it is of one column.
    pub(super) fn number(&mut self, columns: Vec<Ordinal>) -> Option<usize> {
        if columns.len() < 2 {
            return None;
        }
        self.0.push(columns.into());
        Some(self.0.len() - 1)
    }
}

/// A reference to a column, as it stands in the text.
#[derive(Clone, Debug)]
pub(super) struct Reference {
    /// Where it stands.
    pub(super) location: i32,
    /// The name that it needs instead of its own: its JOIN … USING became ON.
    pub(super) rename: Option<Qualified>,
    /// The column is grouped by at its query level: its value is any of the group's.
    pub(super) grouped: bool,
    /// The reference stands in a subquery of that level.
    pub(super) outer: bool,
    /// How the column can be named elsewhere at its query level, if it can.
    pub(super) qualified: Option<Qualified>,
}

/// An expression's value and, if it is a mere reference to a column (in UNION ALL: one a branch), where
/// these stand.
#[derive(Clone, Debug)]
pub(super) struct Valued {
    pub(super) carry: Carry,
    pub(super) references: Vec<Reference>,
    /// Of a literal or parameter that cannot be used with a sealed column: what is in the way.
    pub(super) obstacle: Option<&'static str>,
}

impl Valued {
    /// A plain value.
    pub(super) const PLAIN: Self = Self::of(Carry::Plain);

    /// A value that is no mere reference.
    pub(super) const fn of(carry: Carry) -> Self {
        Self { carry, references: Vec::new(), obstacle: None }
    }

    /// Where it can be pointed at: at the reference, or else where the expression around it stands.
    pub(super) fn location(&self, around: i32) -> i32 {
        self.references.first().map_or(around, |reference| reference.location)
    }
}
