//! Exact counts of what is stored, by plain SQL on the headers (docs/envelope.md): pgveil is not asked.

use std::collections::BTreeMap;

use crate::support::psql;

/// DEK of a stored value, as SQL.
pub fn dek_of(column: &str) -> String {
    format!("('x' || encode(substring(({column})::bytea FROM 5 FOR 4), 'hex'))::bit(32)::bigint")
}

/// Values by DEK in a column; key 0 is what is no envelope.
pub fn by_dek(superuser: &str, table: &str, column: &str) -> BTreeMap<u32, u64> {
    let dek = dek_of(column);
    let rows = psql(
        superuser,
        &format!(
            "SELECT CASE WHEN substring({column}::bytea FROM 1 FOR 3) = '\\xff7076' THEN {dek} ELSE 0 END, count(*) \
             FROM {table} WHERE {column} IS NOT NULL GROUP BY 1"
        ),
    );
    let parse = |line: &str| {
        let (dek, n) = line.split_once('|').unwrap();
        (dek.parse().unwrap(), n.parse().unwrap())
    };
    rows.lines().map(parse).collect()
}

/// Each row's stored bytes, as one text a row: `key|hash of the row`. Of the rows that a condition names.
pub fn raw_rows(superuser: &str, table: &str, key: &str, condition: &str) -> BTreeMap<String, String> {
    let rows = psql(superuser, &format!("SELECT {key}, md5(t::text) FROM {table} t WHERE {condition}"));
    let parse = |line: &str| {
        let (key, hash) = line.rsplit_once('|').unwrap();
        (key.to_owned(), hash.to_owned())
    };
    rows.lines().map(parse).collect()
}
