//! What makes the rows of a protected table unique.

use super::{Catalog, Relation, Unique, UniqueKey, facts::UniqueIndex};

/// Keeps the unique indexes that consist of columns and tokens.
pub(super) fn note(catalog: &mut Catalog, indexes: &[UniqueIndex]) {
    for index in indexes {
        let Some(relation) = catalog.relations.get(&index.table) else { continue };
        let keys = index.keys.iter().map(|(number, definition)| key(relation, *number, definition));
        let Some(keys) = keys.collect::<Option<Vec<_>>>() else { continue };
        let unique = Unique { name: index.name.clone(), primary: index.primary, keys };
        catalog.unique.entry(index.table).or_default().push(unique);
    }
}

fn key(relation: &Relation, number: i16, definition: &str) -> Option<UniqueKey> {
    if number != 0 {
        let column = relation.columns.iter().find(|c| c.number == number)?;
        return Some(UniqueKey { column: column.name.clone(), token: false });
    }
    // As `pg_get_indexdef` spells what `pgveil apply` makes.
    let name = definition.strip_prefix("\"substring\"((")?.strip_suffix(")::bytea, 9, 16)")?;
    let sealed = relation.columns.iter().filter(|c| c.sealed.is_some());
    let column = sealed.into_iter().find(|c| c.name == name || quoted(&c.name) == name)?;
    Some(UniqueKey { column: column.name.clone(), token: true })
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::sql::catalog::Column;

    #[test]
    fn keys_are_columns_or_tokens_and_nothing_else() {
        let column = |number, name: &str, sealed| Column {
            number,
            name: name.to_owned(),
            type_oid: 25,
            typmod: -1,
            sealed,
            generated: false,
        };
        let relation = Relation {
            oid: 1,
            schema: "public".to_owned(),
            name: "people".to_owned(),
            kind: 'r',
            columns: vec![column(1, "id", None), column(3, "email", Some(0)), column(4, "E\"x", Some(1))],
            protected: None,
            refused: None,
        };
        let of = |number, definition: &str| key(&relation, number, definition).map(|key| (key.column, key.token));
        assert_eq!(of(1, "id"), Some(("id".to_owned(), false)));
        assert_eq!(of(0, r#""substring"((email)::bytea, 9, 16)"#), Some(("email".to_owned(), true)));
        assert_eq!(of(0, r#""substring"(("E""x")::bytea, 9, 16)"#), Some(("E\"x".to_owned(), true)));
        for other in [r#""substring"((id)::bytea, 9, 16)"#, "lower(name)", r#""substring"((email)::bytea, 9, 15)"#] {
            assert_eq!(of(0, other), None, "{other}");
        }
    }
}
