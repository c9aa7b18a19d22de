//! The column identities in use, as a hint for people: "did you rename the column?"
//!
//! Nothing decides by them: the database could have changed them.

use tokio_postgres::Client;

use super::{super::KeyError, explained};

/// Notes the identities of protected columns, so that a renamed one can be recognised later.
pub async fn remember_identities(client: &Client, identities: &[&str]) -> Result<(), KeyError> {
    let sql = "INSERT INTO pgveil_keys.column_identity (identity) \
               SELECT pg_catalog.unnest($1::pg_catalog.text[]) ON CONFLICT DO NOTHING";
    match client.execute(sql, &[&identities]).await {
        Ok(_) => Ok(()),
        Err(error) => Err(explained(client, error).await),
    }
}

/// All identities ever noted.
pub async fn identities(client: &Client) -> Result<Vec<String>, KeyError> {
    let sql = "SELECT identity FROM pgveil_keys.column_identity ORDER BY first_seen, identity";
    match client.query(sql, &[]).await {
        Ok(rows) => rows.iter().map(|row| Ok(row.try_get(0)?)).collect(),
        Err(error) => Err(explained(client, error).await),
    }
}
