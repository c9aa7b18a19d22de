//! Rules between the columns of one database: shared identities and shared domains.
//!
//! Columns of one identity hold interchangeable envelopes (`INSERT INTO archive SELECT *` copies
//! them), so they must mean the same. Columns of one domain have comparable tokens, which is only
//! true if the same value gives the same token in all of them.

use std::{collections::HashMap, sync::Arc};

use super::{Check, column::Places};
use crate::{
    config::{
        Mode, ProtectedColumn,
        issue::{At, Issue},
    },
    values::LogicalType,
};

pub(super) fn columns(columns: &[Arc<ProtectedColumn>], places: &[Places], check: &Check<'_>) {
    let both: Vec<_> = columns.iter().map(Arc::as_ref).zip(places).filter(|(_, p)| p.typed).collect();
    let mut identities: HashMap<&str, (&ProtectedColumn, &Places)> = HashMap::new();
    // One that names its identity is at fault, not the one whose own it is.
    let (named, own): (Vec<_>, Vec<_>) = both.iter().partition(|(_, p)| p.identity.is_some());
    for (column, place) in own.into_iter().chain(named) {
        match identities.get(column.identity.as_str()) {
            Some((first, first_place)) => same_identity((column, place), (first, first_place), check),
            None => {
                identities.insert(&column.identity, (column, place));
            }
        }
    }
    let mut domains: HashMap<&str, (&ProtectedColumn, &Places)> = HashMap::new();
    for (column, place) in both.iter().filter(|(c, _)| c.mode == Mode::Equality) {
        match domains.get(column.domain.as_str()) {
            // Already told about, and more plainly.
            Some((first, _)) if first.identity == column.identity => {}
            Some((first, first_place)) => same_domain((column, place), (first, first_place), check),
            None => {
                domains.insert(&column.domain, (column, place));
            }
        }
    }
}

type Placed<'a> = (&'a ProtectedColumn, &'a Places);

fn same_identity((column, place): Placed<'_>, (first, first_place): Placed<'_>, check: &Check<'_>) {
    let differ = |what: &str, at: At, first_at: At, label: String, first_label: String| {
        let message = format!("columns that share the identity `{}` must have the same {what}", column.identity);
        check.push(Issue::new("policy/identity", message).at(at).label(label).related(first_at, first_label));
    };
    let at = place.identity.unwrap_or(place.name);
    if column.ty != first.ty {
        differ("type", place.ty, first_place.ty, column.ty.to_string(), first.ty.to_string());
    }
    let mode = |c: &ProtectedColumn| if c.mode == Mode::Equality { "equality" } else { "randomized" };
    if column.mode != first.mode {
        let places = (place.mode.unwrap_or(at), first_place.mode.unwrap_or(first_place.name));
        differ("mode", places.0, places.1, mode(column).to_owned(), mode(first).to_owned());
    } else if column.mode == Mode::Equality {
        if column.domain != first.domain {
            let places = (place.domain.unwrap_or(at), first_place.domain.unwrap_or(first_place.name));
            let label = |c: &ProtectedColumn| format!("domain {}", c.domain);
            differ("domain", places.0, places.1, label(column), label(first));
        }
        if normal(column) != normal(first) {
            let places = (place.normalize.unwrap_or(at), first_place.normalize.unwrap_or(first_place.name));
            let label = |c: &ProtectedColumn| match normal(c) {
                (true, true) => "lower and trim".to_owned(),
                (true, false) => "lower".to_owned(),
                (false, true) => "trim".to_owned(),
                (false, false) => "not normalized".to_owned(),
            };
            differ("normalize", places.0, places.1, label(column), label(first));
        }
    }
}

fn same_domain((column, place): Placed<'_>, (first, first_place): Placed<'_>, check: &Check<'_>) {
    if family(column.ty) != family(first.ty) || column.ty.as_enum() != first.ty.as_enum() {
        let message =
            format!("columns that share the domain `{}` must have types that compare with each other", column.domain);
        let issue = Issue::new("policy/domain", message).label(column.ty.to_string());
        check.push(issue.at(place.ty).related(first_place.ty, first.ty.to_string()));
    } else if normal(column) != normal(first) {
        let message = format!("columns that share the domain `{}` must have the same normalize", column.domain);
        let at = |p: &Places| p.normalize.or(p.domain).unwrap_or(p.name);
        let issue = Issue::new("policy/domain", message).label("equal values would get different tokens");
        check.push(issue.at(at(place)).related(at(first_place), "differs from this"));
    }
}

/// Lower and trim commute and repeat without effect: only the set counts.
fn normal(column: &ProtectedColumn) -> (bool, bool) {
    use crate::values::Normalize;
    (column.normalize.contains(&Normalize::Lower), column.normalize.contains(&Normalize::Trim))
}

/// Types of one family have one equality canon: the same value gives the same bytes.
fn family(ty: LogicalType) -> &'static str {
    match ty {
        LogicalType::Text | LogicalType::Varchar(_) | LogicalType::Char(_) => "text",
        LogicalType::Int2 | LogicalType::Int4 | LogicalType::Int8 => "integer",
        LogicalType::Numeric(_) => "numeric",
        LogicalType::Bool => "bool",
        LogicalType::Date => "date",
        LogicalType::Timestamptz(_) => "timestamptz",
        LogicalType::Timestamp(_) => "timestamp",
        LogicalType::Time(_) => "time",
        LogicalType::Json => "json",
        LogicalType::Inet | LogicalType::Cidr => "inet",
        LogicalType::Macaddr => "macaddr",
        LogicalType::Macaddr8 => "macaddr8",
        LogicalType::Interval(_) => "interval",
        LogicalType::Timetz(_) => "timetz",
        LogicalType::Float4 | LogicalType::Float8 => "float",
        LogicalType::Uuid => "uuid",
        LogicalType::Bytea => "bytea",
        LogicalType::Jsonb => "jsonb",
        LogicalType::Enum(_) => "enum",
        // No array is in mode equality.
        LogicalType::Array(_) => "array",
    }
}
