//! A cheap look at whether the catalog has changed at all.

use tokio_postgres::Client;

use super::CatalogError;

/// Row versions of what a snapshot depends on, folded into one line. Statistics are updated in place
/// and temporary relations are nobody else's, so neither shows.
const QUERY: &str = "
SELECT pg_catalog.concat_ws('/',
  (SELECT pg_catalog.concat(pg_catalog.count(*), ':', pg_catalog.sum(pg_catalog.hashtext(pg_catalog.concat(oid, ' ', xmin))))
     FROM pg_catalog.pg_class WHERE oid >= 16384 AND relpersistence <> 't'),
  (SELECT pg_catalog.concat(pg_catalog.count(*), ':', pg_catalog.sum(pg_catalog.hashtext(pg_catalog.concat(a.attrelid, ' ', a.attnum, ' ', a.xmin))))
     FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = ANY($1) AND c.relname = ANY($2) AND a.attnum > 0),
  (SELECT pg_catalog.concat(pg_catalog.count(*), ':', pg_catalog.sum(pg_catalog.hashtext(pg_catalog.concat(oid, ' ', xmin))))
     FROM pg_catalog.pg_proc WHERE oid >= 16384),
  (SELECT pg_catalog.concat(pg_catalog.count(*), ':', pg_catalog.sum(pg_catalog.hashtext(pg_catalog.concat(oid, ' ', xmin))))
     FROM pg_catalog.pg_rewrite WHERE oid >= 16384),
  (SELECT pg_catalog.concat(pg_catalog.count(*), ':', pg_catalog.sum(pg_catalog.hashtext(pg_catalog.concat(oid, ' ', xmin))))
     FROM pg_catalog.pg_trigger WHERE oid >= 16384),
  (SELECT pg_catalog.concat(pg_catalog.count(*), ':', pg_catalog.sum(pg_catalog.hashtext(pg_catalog.concat(oid, ' ', xmin))))
     FROM pg_catalog.pg_constraint WHERE oid >= 16384),
  (SELECT pg_catalog.concat(pg_catalog.count(*), ':', pg_catalog.sum(pg_catalog.hashtext(pg_catalog.concat(oid, ' ', xmin))))
     FROM pg_catalog.pg_namespace WHERE oid >= 16384 AND nspname !~ '^pg_(toast_)?temp_'))";

/// The fingerprint; `schemas` and `tables` are the names of the protected tables, whose columns count
/// as well. Two equal fingerprints mean that nothing has changed in between.
pub async fn fingerprint(client: &Client, schemas: &[&str], tables: &[&str]) -> Result<String, CatalogError> {
    super::load::pin(client).await?;
    Ok(client.query_one(QUERY, &[&schemas, &tables]).await?.try_get(0)?)
}
