//! Types whose values may hold an envelope somewhere inside, and the SQL that looks for one.
//!
//! An envelope is bytes, so that it is in a value of `bytea`, of a domain over it (`pgveil.sealed`), or of a type
//! that is made of such: arrays, composite types (the row types of tables among them), ranges and multiranges,
//! and domains over those, at any depth. Types that show bytes as text, or have a form of their own, cannot be
//! looked into: docs/keys.md says so.

use std::collections::HashMap;

use tokio_postgres::{Client, Row};

use super::{during, quoted};
use crate::sweep::SweepError;

/// PostgreSQL lets no composite type contain itself, so this only stops what a damaged catalog may hold.
const DEEPEST: usize = 32;

/// How a value of a type holds bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Shape {
    /// It is bytes.
    Bytes,
    /// Another type's value.
    Domain(u32),
    /// Elements.
    Array(u32),
    /// Fields, by name; those that hold bytes.
    Composite(Vec<(String, u32)>),
    /// Bounds.
    Range(u32),
    /// Ranges.
    Multirange(u32),
}

/// The types of a database that hold bytes, by OID.
#[derive(Debug, Default)]
pub(super) struct Types(HashMap<u32, Shape>);

impl Types {
    /// As the current transaction sees them.
    pub(super) async fn read(client: &Client) -> Result<Self, SweepError> {
        let failed = during("reading the types of the database");
        let rows = client.query(TYPES, &[]).await.map_err(&failed)?;
        let entry = |row: &Row| Ok((row.try_get(0)?, Shape::read(row)?));
        rows.iter().map(entry).collect::<Result<_, tokio_postgres::Error>>().map(Self).map_err(&failed)
    }

    /// Their OIDs.
    pub(super) fn oids(&self) -> Vec<u32> {
        self.0.keys().copied().collect()
    }

    /// A condition that holds if `value`, an expression of the type, holds an envelope of the DEK. None for a type
    /// that holds no bytes, or lies too deep to be looked into.
    pub(super) fn holds(&self, value: &str, oid: u32, dek: u32) -> Option<String> {
        self.condition(value, oid, dek, 0)
    }

    fn condition(&self, value: &str, oid: u32, dek: u32, depth: usize) -> Option<String> {
        if depth > DEEPEST {
            return None;
        }
        let inner = |value: &str, oid| self.condition(value, oid, dek, depth + 1);
        // The colon keeps it apart from whatever people call their fields.
        let element = format!("\"e:{depth}\"");
        let any = |condition: String| {
            format!("EXISTS (SELECT FROM pg_catalog.unnest({value}) AS {element} WHERE {condition})")
        };
        match self.0.get(&oid)? {
            Shape::Bytes => Some(is_under(value, dek)),
            Shape::Domain(base) => inner(value, *base),
            Shape::Array(of) | Shape::Multirange(of) => inner(&element, *of).map(any),
            Shape::Composite(fields) => {
                let field = |(name, oid): &(String, u32)| inner(&format!("({value}).{}", quoted(name)), *oid);
                let fields: Option<Vec<String>> = fields.iter().map(field).collect();
                Some(format!("({})", fields?.join(" OR ")))
            }
            Shape::Range(of) => {
                let lower = inner(&format!("pg_catalog.lower({value})"), *of)?;
                let upper = inner(&format!("pg_catalog.upper({value})"), *of)?;
                Some(format!("({lower} OR {upper})"))
            }
        }
    }
}

impl Shape {
    fn read(row: &Row) -> Result<Self, tokio_postgres::Error> {
        let other = row.try_get(2)?;
        Ok(match row.try_get(1)? {
            "bytes" => Self::Bytes,
            "domain" => Self::Domain(other),
            "array" => Self::Array(other),
            "range" => Self::Range(other),
            "multirange" => Self::Multirange(other),
            _ => {
                let (names, types): (Vec<String>, Vec<u32>) = (row.try_get(3)?, row.try_get(4)?);
                Self::Composite(names.into_iter().zip(types).collect())
            }
        })
    }
}

/// Do bytes begin like an envelope of the DEK? See docs/envelope.md: magic, one byte of layout, DEK. Whatever the
/// layout is: one that this version does not know counts as well. The DEK first, since hardly anything else has it:
/// of a value stored out of line each look takes its first slice. Without a cast, which any text would stand: a field
/// that has got the name of another one meanwhile is to be an error.
fn is_under(value: &str, dek: u32) -> String {
    let part = |from: u32, length: u32, hex: &str| {
        format!(
            "pg_catalog.substring({value}, {from}, {length}) OPERATOR(pg_catalog.=) \
             pg_catalog.decode('{hex}', 'hex')"
        )
    };
    format!("({} AND {})", part(5, 4, &format!("{dek:08x}")), part(1, 3, "ff7076"))
}

/// OID, kind, the other type, names and types of fields.
const TYPES: &str = "WITH RECURSIVE holds(oid) AS (
    SELECT 'pg_catalog.bytea'::pg_catalog.regtype::pg_catalog.oid
  UNION
    SELECT outer_type.oid FROM holds h CROSS JOIN LATERAL (
        SELECT t.oid FROM pg_catalog.pg_type t WHERE t.typtype = 'd' AND t.typbasetype = h.oid
      UNION ALL
        SELECT t.typarray FROM pg_catalog.pg_type t WHERE t.oid = h.oid AND t.typarray <> 0
      UNION ALL
        SELECT c.reltype FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
        WHERE a.atttypid = h.oid AND a.attnum > 0 AND NOT a.attisdropped AND c.reltype <> 0
      UNION ALL
        SELECT r.rngtypid FROM pg_catalog.pg_range r WHERE r.rngsubtype = h.oid
      UNION ALL
        SELECT r.rngmultitypid FROM pg_catalog.pg_range r WHERE r.rngtypid = h.oid
    ) outer_type
)
SELECT t.oid,
    CASE WHEN t.oid = 'pg_catalog.bytea'::pg_catalog.regtype THEN 'bytes' WHEN t.typtype = 'd' THEN 'domain'
         WHEN e.oid IS NOT NULL THEN 'array' WHEN t.typtype = 'r' THEN 'range' WHEN t.typtype = 'm' THEN 'multirange'
         ELSE 'composite' END,
    CASE WHEN t.typtype = 'd' THEN t.typbasetype WHEN e.oid IS NOT NULL THEN e.oid WHEN t.typtype = 'r' THEN r.rngsubtype
         WHEN t.typtype = 'm' THEN m.rngtypid ELSE 0::pg_catalog.oid END,
    f.names, f.types
FROM holds h
JOIN pg_catalog.pg_type t ON t.oid = h.oid
LEFT JOIN pg_catalog.pg_type e ON e.typarray = t.oid
LEFT JOIN pg_catalog.pg_range r ON r.rngtypid = t.oid
LEFT JOIN pg_catalog.pg_range m ON m.rngmultitypid = t.oid
CROSS JOIN LATERAL (
    SELECT coalesce(pg_catalog.array_agg(a.attname::pg_catalog.text ORDER BY a.attnum), '{}') AS names,
        coalesce(pg_catalog.array_agg(a.atttypid ORDER BY a.attnum), '{}') AS types
    FROM pg_catalog.pg_attribute a
    WHERE a.attrelid = t.typrelid AND t.typrelid <> 0 AND a.attnum > 0 AND NOT a.attisdropped
        AND a.atttypid IN (SELECT oid FROM holds)
) f";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn types() -> Types {
        Types(HashMap::from([
            (17, Shape::Bytes),
            (100, Shape::Domain(17)),
            (101, Shape::Array(100)),
            (102, Shape::Composite(vec![("a\"b".to_owned(), 101), ("c".to_owned(), 17)])),
            (103, Shape::Range(100)),
            (104, Shape::Multirange(103)),
            (105, Shape::Composite(vec![("self".to_owned(), 105)])),
        ]))
    }

    #[test]
    fn bytes_are_compared_by_their_header_alone() {
        let sql = types().holds("c", 100, 0x02a7).unwrap();
        assert_eq!(
            sql,
            "(pg_catalog.substring(c, 5, 4) OPERATOR(pg_catalog.=) pg_catalog.decode('000002a7', 'hex') \
             AND pg_catalog.substring(c, 1, 3) OPERATOR(pg_catalog.=) pg_catalog.decode('ff7076', 'hex'))"
        );
    }

    #[test]
    fn a_look_goes_into_arrays_of_fields_and_bounds_of_ranges() {
        let sql = types().holds("c", 102, 1).unwrap();
        assert!(sql.starts_with("(EXISTS (SELECT FROM pg_catalog.unnest((c).\"a\"\"b\") AS \"e:1\" WHERE "), "{sql}");
        assert!(sql.contains(" OR (pg_catalog.substring((c).\"c\", "), "{sql}");
        let sql = types().holds("c", 104, 1).unwrap();
        assert!(sql.contains("lower(\"e:0\")") && sql.contains("upper(\"e:0\")"), "{sql}");
    }

    #[test]
    fn what_cannot_be_looked_into_is_not_taken_for_empty() {
        assert_eq!(types().holds("c", 25, 1), None);
        assert_eq!(types().holds("c", 105, 1), None);
    }
}
