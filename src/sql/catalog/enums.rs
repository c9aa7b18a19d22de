//! The policy's enum types: looked up by name, and what else has their names.

use serde::Deserialize;
use tokio_postgres::Client;

use super::{CatalogError, Mismatch, Oid, display_name};
use crate::{
    config::{Database, ProtectedColumn},
    values::{EnumDefinition, EnumType},
};

const QUERY: &str = include_str!("enums.sql");

/// A type that has the name of one of the policy's enum types.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "Row")]
pub struct NamedType {
    /// Schema name.
    pub schema: String,
    /// Type name.
    pub name: String,
    /// `pg_type.oid`
    pub oid: Oid,
    /// `pg_type.typarray`
    pub array_oid: Oid,
    /// `pg_type.typtype`: e for enums.
    pub kind: char,
    /// Name, and name with schema, as SQL writes them.
    pub quoted: [String; 2],
    /// Labels of an enum.
    pub labels: Vec<String>,
}

#[derive(Deserialize)]
struct Row(String, String, Oid, Oid, char, String, String, Option<Vec<String>>);

impl From<Row> for NamedType {
    fn from(Row(schema, name, oid, array_oid, kind, bare, qualified, labels): Row) -> Self {
        Self { schema, name, oid, array_oid, kind, quoted: [bare, qualified], labels: labels.unwrap_or_default() }
    }
}

impl NamedType {
    /// Is it an enum?
    pub fn is_enum(&self) -> bool {
        self.kind == 'e'
    }

    fn is(&self, ty: EnumType) -> bool {
        self.schema == ty.schema() && self.name == ty.name()
    }
}

/// The enum types that the policy gives its columns.
fn of_policy(database: &Database) -> impl Iterator<Item = EnumType> + '_ {
    database.columns.iter().filter_map(|column| column.ty.as_enum())
}

/// Reads all types that have the names of the policy's enum types. Asks nothing if there are none.
///
/// # Errors
/// If the server cannot be asked.
pub async fn named_types(client: &Client, database: &Database) -> Result<Vec<NamedType>, CatalogError> {
    let mut names: Vec<&str> = of_policy(database).map(EnumType::name).collect();
    if names.is_empty() {
        return Ok(Vec::new());
    }
    names.sort_unstable();
    names.dedup();
    let mut types = Vec::new();
    for row in client.query(QUERY, &[&names]).await? {
        types.push(
            serde_json::from_str(row.try_get(0)?)
                .map_err(|source| CatalogError::Answer { part: "enums".to_owned(), source })?,
        );
    }
    Ok(types)
}

/// Tells the policy's enum types what they are. One that is not found stays what it was: its columns are refused.
pub fn define(database: &Database, types: &[NamedType]) {
    for ty in of_policy(database) {
        let Some(found) = types.iter().find(|found| found.is(ty) && found.is_enum()) else { continue };
        let rivals = types.iter().filter(|other| other.name == found.name && other.schema != found.schema);
        ty.define(EnumDefinition {
            oid: found.oid,
            array_oid: found.array_oid,
            labels: found.labels.clone(),
            quoted: found.quoted.clone(),
            rivals: rivals.map(|other| other.schema.clone()).collect(),
        });
    }
}

/// What is wrong with the type of a column that the policy says is of an enum type.
pub fn mismatch(column: &ProtectedColumn, types: &[NamedType]) -> Option<Mismatch> {
    let ty = column.ty.as_enum()?;
    let path = format!("{}.{}", display_name(&column.schema, &column.table), column.name);
    let shown = display_name(ty.schema(), ty.name());
    let place = ty.place();
    let wrong = |code, message, hint| {
        let table = (column.schema.clone(), column.table.clone());
        Some(Mismatch { table, column: Some(column.name.clone()), code, message, hint })
    };
    match types.iter().find(|found| found.is(ty)) {
        Some(found) if found.is_enum() => None,
        Some(found) => {
            let kind = kind_name(found.kind);
            let message =
                format!("the policy gives column \"{path}\" the type \"{shown}\", which is {kind}, not an enum");
            let hint = format!("correct `type:` at {place}");
            wrong("catalog/not-an-enum", message, hint)
        }
        None => {
            let message = format!("the policy gives column \"{path}\" the type \"{shown}\", which does not exist");
            let other = types.iter().find(|other| other.name == ty.name() && other.is_enum());
            let hint = match other {
                Some(other) => format!("did you mean \"{}.{}\"? correct `type:` at {place}", other.schema, other.name),
                None => format!(
                    "correct `type:` at {place}, or CREATE TYPE {shown} AS ENUM (…); names are compared as they are, without case folding"
                ),
            };
            wrong("catalog/missing-type", message, hint)
        }
    }
}

/// `pg_type.typtype` in words.
fn kind_name(kind: char) -> &'static str {
    match kind {
        'c' => "a composite or row type",
        'd' => "a domain",
        'r' | 'm' => "a range type",
        'p' => "a pseudo-type",
        _ => "a base type",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_row_of_the_answer_is_read() {
        let text = r#"["app","My Mood",16500,16499,"e","\"My Mood\"","app.\"My Mood\"",["a","b"]]"#;
        let found: NamedType = serde_json::from_str(text).unwrap();
        assert_eq!((found.oid, found.array_oid, found.is_enum()), (16_500, 16_499, true));
        assert_eq!(found.quoted[1], "app.\"My Mood\"");
        assert_eq!(found.labels, ["a", "b"]);
    }
}
