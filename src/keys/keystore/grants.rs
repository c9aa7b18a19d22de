//! What the role that proxies run as needs on a keystore that another role owns, and nothing more.

use tokio_postgres::Client;

use super::super::KeyError;

/// A right: the words of its GRANT, and an expression that tells whether the role `$1` has it.
const RIGHTS: &[(&str, &str)] = &[
    ("USAGE ON SCHEMA pgveil_keys", "pg_catalog.has_schema_privilege($1::pg_catalog.name, 'pgveil_keys', 'USAGE')"),
    (
        "SELECT ON ALL TABLES IN SCHEMA pgveil_keys",
        "(SELECT pg_catalog.bool_and(pg_catalog.has_table_privilege($1::pg_catalog.name, c.oid, 'SELECT')) \
          FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace \
          WHERE n.nspname OPERATOR(pg_catalog.=) 'pgveil_keys' AND c.relkind OPERATOR(pg_catalog.=) 'r')",
    ),
    // DEKs are staged, promoted, deprecated and retired by proxies; the triggers see to it that it stays at that.
    (
        "INSERT ON pgveil_keys.column_identity, pgveil_keys.dek, pgveil_keys.dek_usage",
        "(SELECT pg_catalog.bool_and(pg_catalog.has_table_privilege($1::pg_catalog.name, \
             pg_catalog.concat('pgveil_keys.', t), 'INSERT')) \
          FROM pg_catalog.unnest('{column_identity,dek,dek_usage}'::pg_catalog.text[]) t)",
    ),
    // Not its id: whoever takes the next ones away keeps the owner from changing anything.
    (
        "INSERT (actor, operation, object, kek, dek, provider, key_ref, request_id, result, class, epoch, details) \
         ON pgveil_keys.audit",
        "(SELECT pg_catalog.bool_and(pg_catalog.has_column_privilege($1::pg_catalog.name, 'pgveil_keys.audit', c, 'INSERT')) \
          FROM pg_catalog.unnest('{actor,operation,object,kek,dek,provider,key_ref,request_id,result,class,epoch,details}'\
               ::pg_catalog.text[]) c)",
    ),
    (
        "UPDATE (state, activated_at, expires_at, retired_at, mac) ON pgveil_keys.dek",
        "(SELECT pg_catalog.bool_and(pg_catalog.has_column_privilege($1::pg_catalog.name, 'pgveil_keys.dek', c, 'UPDATE')) \
          FROM pg_catalog.unnest('{state,activated_at,expires_at,retired_at,mac}'::pg_catalog.text[]) c)",
    ),
    (
        "UPDATE (leased, mac) ON pgveil_keys.dek_usage",
        "(SELECT pg_catalog.bool_and(pg_catalog.has_column_privilege($1::pg_catalog.name, 'pgveil_keys.dek_usage', c, \
             'UPDATE')) FROM pg_catalog.unnest('{leased,mac}'::pg_catalog.text[]) c)",
    ),
    (
        "UPDATE ON pgveil_keys.epoch",
        "pg_catalog.has_table_privilege($1::pg_catalog.name, 'pgveil_keys.epoch', 'UPDATE')",
    ),
    (
        "INSERT, UPDATE, DELETE ON pgveil_keys.proxy, pgveil_keys.kek_status",
        "(SELECT pg_catalog.bool_and(pg_catalog.has_table_privilege($1::pg_catalog.name, \
             pg_catalog.concat('pgveil_keys.', t), p)) \
          FROM pg_catalog.unnest('{proxy,kek_status}'::pg_catalog.text[]) t, \
               pg_catalog.unnest('{INSERT,UPDATE,DELETE}'::pg_catalog.text[]) p)",
    ),
    (
        "INSERT, UPDATE, DELETE ON pgveil_keys.sweep_job, pgveil_keys.sweep_shard, pgveil_keys.sweep_count, \
         pgveil_keys.sweep_problem, pgveil_keys.sweep_worker",
        "(SELECT pg_catalog.bool_and(pg_catalog.has_table_privilege($1::pg_catalog.name, \
             pg_catalog.concat('pgveil_keys.sweep_', t), p)) \
          FROM pg_catalog.unnest('{job,shard,count,problem,worker}'::pg_catalog.text[]) t, \
               pg_catalog.unnest('{INSERT,UPDATE,DELETE}'::pg_catalog.text[]) p)",
    ),
];

/// What the role that pgveil runs as (`service.user`) needs if another role owns the keystore.
pub fn grant_sql(role: &str) -> Vec<String> {
    RIGHTS.iter().map(|(right, _)| grant(right, role)).collect()
}

/// Those of [`grant_sql`] that the role does not have yet; all of them if there is no such role. The
/// tables must be there.
pub async fn missing_grants(client: &Client, role: &str) -> Result<Vec<String>, KeyError> {
    let exists = "SELECT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname OPERATOR(pg_catalog.=) $1)";
    if !client.query_one(exists, &[&role]).await?.try_get::<_, bool>(0)? {
        return Ok(grant_sql(role));
    }
    let tests: Vec<&str> = RIGHTS.iter().map(|(_, test)| *test).collect();
    let row = client.query_one(&format!("SELECT {}", tests.join(", ")), &[&role]).await?;
    let mut missing = Vec::new();
    for (at, (right, _)) in RIGHTS.iter().enumerate() {
        if !row.try_get::<_, bool>(at)? {
            missing.push(grant(right, role));
        }
    }
    Ok(missing)
}

fn grant(right: &str, role: &str) -> String {
    format!("GRANT {right} TO \"{}\"", role.replace('"', "\"\""))
}
