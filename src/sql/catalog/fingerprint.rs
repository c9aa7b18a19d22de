//! Has anything changed that a [`Catalog`](super::Catalog) is made of?

use tokio_postgres::Client;

use super::{CatalogError, load};

/// A digest of the row versions (`xmin`) of everything that `load` reads, temporary tables left out.
/// Exact, unlike the statistics' counters, which arrive late; what VACUUM and ANALYZE change in place
/// is not seen.
const QUERY: &str = r"SELECT pg_catalog.string_agg(rows::text || ':' || coalesce(digest, 0), ' ' ORDER BY part) FROM (
SELECT 1 AS part, count(*) AS rows, sum(hashint8(oid::int8 << 32 | xmin::text::int8)) AS digest
FROM pg_catalog.pg_class WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND relpersistence <> 't'
UNION ALL
SELECT 2, count(*), sum(hashint8((a.attrelid::int8 << 11 | a.attnum) << 20 # a.xmin::text::int8))
FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relpersistence <> 't' AND a.attnum > 0 AND c.oid >= 16384
UNION ALL
SELECT 3, count(*), sum(hashint8(oid::int8 << 32 | xmin::text::int8)) FROM pg_catalog.pg_proc WHERE oid >= 16384
UNION ALL
SELECT 4, count(*), sum(hashint8(oid::int8 << 32 | xmin::text::int8)) FROM pg_catalog.pg_rewrite WHERE oid >= 16384
UNION ALL
SELECT 5, count(*), sum(hashint8(oid::int8 << 32 | xmin::text::int8)) FROM pg_catalog.pg_namespace
WHERE nspname !~ '^pg_(toast_)?temp_'
UNION ALL
SELECT 6, count(*), sum(hashint8(oid::int8 << 32 | xmin::text::int8)) FROM pg_catalog.pg_trigger WHERE NOT tgisinternal
UNION ALL
SELECT 7, count(*), sum(hashint8(oid::int8 << 32 | xmin::text::int8)) FROM pg_catalog.pg_policy
UNION ALL
SELECT 8, count(*), sum(hashint8(oid::int8 << 32 | xmin::text::int8)) FROM pg_catalog.pg_constraint WHERE contypid <> 0
UNION ALL
SELECT 9, count(*), sum(hashint8(t.oid::int8 << 32 | t.xmin::text::int8)) FROM pg_catalog.pg_type t
WHERE typtype IN ('d', 'e', 'r')
OR typtype = 'c' AND EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = t.typrelid AND c.relkind = 'c')
UNION ALL
SELECT 10, count(*), sum(hashint8(inhrelid::int8 << 32 # inhparent::int8)) FROM pg_catalog.pg_inherits
UNION ALL
SELECT 11, count(*), sum(hashint8(oid::int8 << 32 | xmin::text::int8)) FROM pg_catalog.pg_operator WHERE oid >= 16384
UNION ALL
SELECT 12, count(*), sum(hashint8(oid::int8 << 32 | xmin::text::int8)) FROM pg_catalog.pg_cast WHERE oid >= 16384
UNION ALL
SELECT 13, count(*), sum(hashint8(oid::int8 << 32 | xmin::text::int8)) FROM pg_catalog.pg_enum
) parts";

/// Two equal fingerprints: the catalog has not changed in between.
///
/// Take one **before** loading a catalog and compare later ones with it, so that no change falls
/// between the two.
///
/// # Errors
/// If the server cannot be asked.
pub async fn fingerprint(client: &Client) -> Result<String, CatalogError> {
    load::pin(client).await?;
    Ok(client.query_one(QUERY, &[]).await?.try_get(0)?)
}
