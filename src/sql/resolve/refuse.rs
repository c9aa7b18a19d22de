//! The words of refusals.

use std::{borrow::Cow, fmt};

use super::{Resolver, Step};
use crate::{
    config::{Mode, ProtectedColumn},
    sql::{
        catalog::Relation,
        model::{Ordinal, Refusal},
    },
};

/// Why a walk stopped.
#[derive(Debug)]
pub(in crate::sql) enum Stop {
    /// With a refusal of its own. Its `at` counts from the start of the whole text.
    Refusal(Box<Refusal>),
    /// At something that the resolver does not know: which table it is refused for is known to the
    /// planner.
    Construct(Cow<'static, str>, i32),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refusal(Box::new(refusal))
    }
}

/// Where a sealed column stands that cannot stand there.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place<'a> {
    /// As an operand of an operator.
    Operator(&'a str),
    /// As an argument of a function.
    Function(&'a str),
    /// Under something with a name: `ORDER BY`, `a cast`, `CASE` …
    Named(&'static str),
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operator(name) | Self::Named(name) => f.write_str(name),
            Self::Function(name) => write!(f, "{name}()"),
        }
    }
}

impl Place<'_> {
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Operator(_) => "sql/unsupported-operator",
            Self::Function(_) => "sql/unsupported-function",
            Self::Named(_) => "sql/unsupported-construct",
        }
    }

    fn hint(self, column: &ProtectedColumn) -> &'static str {
        match (self, column.mode) {
            // There is no other mode for it.
            (Self::Operator(_), _) if column.ty.is_array() => "read the column and do this in the application",
            (
                Self::Operator(
                    "="
                    | "<>"
                    | "IN"
                    | "NOT IN"
                    | "= ANY"
                    | "<> ALL"
                    | "IS DISTINCT FROM"
                    | "IS NOT DISTINCT FROM"
                    | "NULLIF",
                )
                | Self::Named("ON CONFLICT"),
                Mode::Randomized,
            ) => "set mode: equality for the column (the database then sees which values are equal)",
            (Self::Named("a cast"), _) => "use the column without the cast",
            (Self::Operator(_), Mode::Equality) => {
                "mode equality supports =, <>, IN, = ANY and IS [NOT] DISTINCT FROM with literals and parameters"
            }
            _ => "read the column and do this in the application",
        }
    }
}

/// `people`, or `archive.people` outside `public`.
pub(in crate::sql) fn table_label(schema: &str, name: &str) -> String {
    if schema == "public" { name.to_owned() } else { format!("{schema}.{name}") }
}

/// `column "people.email" (mode equality)`
fn column_label(column: &ProtectedColumn) -> String {
    let mode = match column.mode {
        Mode::Randomized => "randomized",
        Mode::Equality => "equality",
    };
    format!("column \"{}.{}\" (mode {mode})", table_label(&column.schema, &column.table), column.name)
}

/// Points a refusal at a node; `at` still counts from the start of the whole text.
pub(super) fn located(refusal: Refusal, location: i32) -> Stop {
    match usize::try_from(location) {
        Ok(at) => refusal.at(at).into(),
        Err(_) => refusal.into(),
    }
}

/// An error that the server itself would give.
pub(super) fn native(sqlstate: &'static str, code: &'static str, message: String, location: i32) -> Stop {
    located(Refusal::unsupported(code, message).sqlstate(sqlstate), location)
}

/// Something that the resolver does not know.
pub(super) fn construct(name: &'static str) -> Stop {
    Stop::Construct(Cow::Borrowed(name), -1)
}

/// Something that the resolver does not know, with a place.
pub(super) fn construct_at(name: impl Into<Cow<'static, str>>, location: i32) -> Stop {
    Stop::Construct(name.into(), location)
}

/// The statement nests too deeply to be walked.
pub(super) fn too_deep() -> Stop {
    Refusal::unsupported("sql/too-deep", "stack depth limit exceeded")
        .sqlstate("54001")
        .hint("the statement nests too many expressions or subqueries")
        .into()
}

/// Something in pgveil's keystore was named.
pub(super) fn keystore(location: i32) -> Stop {
    let refusal = Refusal::unsupported("sql/keystore", "the schema \"pgveil_keys\" is pgveil's keystore")
        .sqlstate("42501")
        .hint("connect to the server directly to inspect it");
    located(refusal, location)
}

/// Something that sealed columns are made of would be dropped or changed.
pub(super) fn own_schema() -> Stop {
    let refusal = Refusal::unsupported("sql/own-schema", "the schema \"pgveil\" holds what sealed columns are made of")
        .sqlstate("42501")
        .hint("dropping its domain drops every sealed column; to do so on purpose, connect to the server directly");
    located(refusal, -1)
}

/// A relation that the catalog says must not be named.
pub(super) fn refused_relation(relation: &Relation, reason: &str, location: i32) -> Stop {
    let label = table_label(&relation.schema, &relation.name);
    let refusal = Refusal::unsupported("sql/refused-relation", format!("statements that name \"{label}\" are refused"))
        .detail(reason.to_owned());
    located(refusal, location)
}

/// `pgveil does not support <construct> on protected table "people"`
pub(in crate::sql) fn unsupported_on(construct: &str, table: &str, location: i32) -> Refusal {
    let message = format!("pgveil does not support {construct} on protected table \"{table}\"");
    let refusal = Refusal::unsupported("sql/unsupported-construct", message);
    match usize::try_from(location) {
        Ok(at) => refusal.at(at),
        Err(_) => refusal,
    }
}

impl<'a> Resolver<'a> {
    /// The protected column with this ordinal. The catalog hands out ordinals of its own list.
    pub(super) fn sealed_column(&self, ordinal: Ordinal) -> Step<&'a ProtectedColumn> {
        match self.catalog.columns.get(ordinal) {
            Some(column) => Ok(column),
            None => Err(construct("a column that the policy no longer has")),
        }
    }

    /// Refuses a sealed column in a place that cannot have it.
    pub(super) fn unsupported(&self, ordinal: Ordinal, place: Place<'_>, location: i32) -> Stop {
        let column = match self.sealed_column(ordinal) {
            Ok(column) => column,
            Err(stop) => return stop,
        };
        let message = format!("{} does not support {place}", column_label(column));
        located(Refusal::unsupported(place.code(), message).hint(place.hint(column)), location)
    }

    /// Refuses something about a sealed column, with a hint of its own.
    pub(super) fn unsupported_because(
        &self,
        ordinal: Ordinal,
        code: &'static str,
        what: impl fmt::Display,
        hint: &'static str,
        location: i32,
    ) -> Stop {
        match self.sealed_column(ordinal) {
            Ok(column) => {
                let message = format!("{} does not support {what}", column_label(column));
                located(Refusal::unsupported(code, message).hint(hint), location)
            }
            Err(stop) => stop,
        }
    }

    /// Refuses a whole-row reference to something with sealed columns.
    pub(super) fn whole_row(&self, location: i32) -> Stop {
        let label = self.touched.map_or_else(String::new, |r| table_label(&r.schema, &r.name));
        unsupported_on("a whole-row reference", &label, location).hint("name the columns one by one").into()
    }
}
