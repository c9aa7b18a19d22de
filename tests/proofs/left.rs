//! What a pass has left over, by column, DEK and blocks.

use pgveil::sweep::{
    job::ColumnName,
    proof::{self, Counted},
    survey::{Stored, StoredColumn},
};

use crate::{Aged, primary};

async fn left(aged: &Aged) -> Vec<Counted> {
    let column = |name: &str| StoredColumn {
        name: name.to_owned(),
        column: ColumnName { schema: "public".to_owned(), table: "notes".to_owned(), column: name.to_owned() },
    };
    let relation = Stored {
        oid: aged.sql("SELECT 'notes'::regclass::oid").parse().unwrap(),
        schema: "public".to_owned(),
        name: "notes".to_owned(),
        blocks: 0,
        rows: 0,
        bytes: 0,
        columns: vec![column("note"), column("number")],
    };
    let counted = proof::count(&aged.client, &[relation]).await.unwrap();
    let primary = primary(&aged.world);
    counted.into_iter().filter(|counted| counted.dek != Some(primary)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_is_counted_by_column_and_dek_with_its_blocks() {
    let aged = Aged::new().await;
    let relation: u32 = aged.sql("SELECT 'notes'::regclass::oid").parse().unwrap();
    let one = |column: &str, dek: Option<u32>, rows, first_block, last_block| Counted {
        relation,
        column: column.to_owned(),
        dek,
        rows,
        first_block,
        last_block,
    };
    assert_eq!(left(&aged).await, [one("note", Some(aged.old), 1, 0, 0), one("number", Some(aged.old), 1, 0, 0)]);
    aged.reseal().await;
    assert_eq!(left(&aged).await, []);

    // Far apart, and a value that is none of pgveil's, put in around the domain's check.
    aged.sql(
        "CREATE TABLE old AS SELECT overlay(note::bytea PLACING '\\x0000abcd' FROM 5) AS c FROM notes;
         INSERT INTO notes (note) SELECT NULL FROM generate_series(1, 2000);
         INSERT INTO notes (note) SELECT c FROM old; UPDATE notes SET note = c FROM old WHERE id = 2;
         DO $$ BEGIN EXECUTE (SELECT format('ALTER DOMAIN pgveil.sealed DROP CONSTRAINT %I', conname) FROM pg_constraint
             WHERE contypid = 'pgveil.sealed'::regtype); END $$;
         UPDATE notes SET number = '\\x0102' WHERE id = 3",
    );
    let found = left(&aged).await;
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!((found[0].column.as_str(), found[0].dek, found[0].rows), ("note", Some(0xabcd), 2));
    let blocks = "SELECT min((ctid::text::point)[0]::bigint) || '-' || max((ctid::text::point)[0]::bigint) FROM notes \
                  WHERE substring(note::bytea FROM 5 FOR 4) = '\\x0000abcd'";
    assert_eq!(format!("{}-{}", found[0].first_block, found[0].last_block), aged.sql(blocks));
    assert!(found[0].last_block > found[0].first_block, "{found:?}");
    assert_eq!((found[1].column.as_str(), found[1].dek, found[1].rows), ("number", None, 1));
}
