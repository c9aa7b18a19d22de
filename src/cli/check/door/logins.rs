//! Can the roles log in, and can anybody without a password?

use std::sync::Arc;

use tokio_postgres::Client;

use super::{Door, Finding, relies_on_server};
use crate::{
    cli::{error::describe, sql_text::ident},
    config::{AUTH_QUERY, AuthMethod, Policy, Verifiers},
    session::{
        door::verifiers::{LookupError, Query, grant},
        upstream::{OwnError, Upstream, service_login},
    },
};

/// Roles that are named at most.
const NAMED: usize = 5;

pub(super) async fn check(policy: &Policy, upstream: &Arc<Upstream>, reached: &[(String, Client)], door: &mut Door) {
    let used = matches!(policy.auth.method, AuthMethod::Scram | AuthMethod::Password);
    if let Some(Verifiers::Query { sql, database }) = policy.auth.verifiers.as_ref().filter(|_| used)
        && !reached.is_empty()
    {
        match look_up(policy, upstream, sql, database).await {
            Ok(()) => {
                door.facts.push(format!("auth.verifiers: the query works in database {database}"));
                if sql == AUTH_QUERY {
                    without_verifier(policy, upstream, database, door).await;
                }
            }
            Err(error) => door.findings.push(refused(policy, sql, database, &error)),
        }
    }
    if relies_on_server(policy) {
        for (host, client) in reached {
            open_doors(policy, host, client, door).await;
        }
    }
}

async fn look_up(policy: &Policy, upstream: &Arc<Upstream>, sql: &str, database: &str) -> Result<(), LookupError> {
    Query::new(policy, upstream, sql, database).map_err(OwnError::from)?.try_out().await
}

fn refused(policy: &Policy, sql: &str, database: &str, error: &LookupError) -> Finding {
    let user = &policy.service.user;
    let state = match error {
        LookupError::Server(error) => error.sqlstate(),
        LookupError::Timeout | LookupError::Query(_) => None,
    };
    let hint = match state {
        Some("42501") if sql == AUTH_QUERY => format!(
            "as a superuser, in database {} (the grant counts in one database): {};",
            ident(database),
            grant(user)
        ),
        Some("42501") => {
            format!("grant {} what the query reads, or EXECUTE on the function that it calls", ident(user))
        }
        _ => {
            format!("`auth.verifiers` in the policy; the query runs as {} in database {}", ident(user), ident(database))
        }
    };
    Finding::error("check/verifiers", "auth.verifiers", format!("no role can log in: {error}"), Some(hint))
}

/// Roles that cannot log in for want of a SCRAM verifier. What is read is names and kinds, no verifiers.
async fn without_verifier(policy: &Policy, upstream: &Arc<Upstream>, database: &str, door: &mut Door) {
    let rows = async {
        let client = Box::pin(upstream.own_client(&service_login(policy, database)?)).await?;
        client.batch_execute("SET search_path = pg_catalog").await?;
        Ok::<_, OwnError>(client.query(WITHOUT_VERIFIER, &[]).await?)
    };
    let rows = match rows.await {
        Ok(rows) => rows,
        Err(error) => {
            let finding = Finding::warning("check/roles", "auth.verifiers", error.to_string(), None);
            return door.findings.push(finding);
        }
    };
    if rows.is_empty() {
        return;
    }
    let names: Vec<String> =
        rows.iter().take(NAMED).map(|row| format!("{} ({})", row.get::<_, String>(0), row.get::<_, &str>(1))).collect();
    let more = if rows.len() > NAMED { format!(" and {} more", rows.len() - NAMED) } else { String::new() };
    door.findings.push(Finding::warning(
        "check/roles",
        "auth.verifiers",
        format!("roles that may log in, and cannot through pgveil: {}{more}", names.join(", ")),
        Some("SET password_encryption = 'scram-sha-256', then set their passwords again".to_owned()),
    ));
}

/// Superusers without any password are meant to be reached on the server's own host only.
const WITHOUT_VERIFIER: &str = "
SELECT a.rolname::text, CASE WHEN a.rolpassword IS NULL THEN 'no password' WHEN a.rolpassword LIKE 'md5%' THEN 'MD5'
                             ELSE 'not SCRAM' END
FROM pg_authid a JOIN pg_roles r ON r.rolname = a.rolname
WHERE a.rolcanlogin AND a.rolname <> current_user AND NOT (r.rolsuper AND a.rolpassword IS NULL)
  AND (a.rolpassword IS NULL OR a.rolpassword NOT LIKE 'SCRAM-SHA-256$%')
ORDER BY a.rolname";

/// Lines of pg_hba.conf by which the server lets pgveil's address in without a password: with nobody but the
/// server to decide, everybody who reaches pgveil.
async fn open_doors(policy: &Policy, host: &str, client: &Client, door: &mut Door) {
    let object = format!("{host}, pg_hba.conf");
    let may = client
        .query_one(
            "SELECT pg_catalog.has_function_privilege('pg_catalog.pg_hba_file_rules()', 'EXECUTE')
        AND pg_catalog.has_table_privilege('pg_catalog.pg_hba_file_rules', 'SELECT')",
            &[],
        )
        .await;
    if !may.and_then(|row| row.try_get::<_, bool>(0)).unwrap_or(false) {
        if policy.service.password.is_none() {
            door.findings.push(Finding::warning(
                "check/pg-hba",
                object,
                format!(
                    "the server lets pgveil's own login {} in without a password; a line of pg_hba.conf that does so for \
                     other roles lets in everybody who reaches pgveil",
                    ident(&policy.service.user)
                ),
                Some("see that lines for pgveil's address ask for scram-sha-256, or use `auth: scram`".to_owned()),
            ));
        }
        return;
    }
    match client.query(OPEN_DOORS, &[]).await {
        Ok(rows) => door.findings.extend(rows.iter().map(|row| {
            Finding::warning(
                "check/pg-hba",
                format!("{object}, line {}", row.get::<_, i32>(0)),
                format!(
                    "`{}` for {} lets everybody who reaches pgveil in, without a password: the server sees pgveil's \
                     address, not the client's",
                    row.get::<_, &str>(1),
                    row.get::<_, &str>(2)
                ),
                Some("scram-sha-256 for pgveil's address, or `auth: scram` in the policy".to_owned()),
            )
        })),
        Err(error) => door.findings.push(Finding::warning("check/pg-hba", object, describe(&error), None)),
    }
}

/// Of the lines that match this connection's way in, whatever the database and role.
const OPEN_DOORS: &str = "
SELECT line_number, auth_method, pg_catalog.array_to_string(user_name, ', ')
FROM pg_catalog.pg_hba_file_rules
WHERE error IS NULL AND auth_method IN ('trust', 'peer', 'ident')
  AND CASE
    WHEN pg_catalog.inet_client_addr() IS NULL THEN type = 'local'
    WHEN type = 'local' OR 'replication' = ANY (database) THEN false
    WHEN address = 'all' THEN true
    WHEN address = 'samehost' THEN pg_catalog.inet_client_addr() = pg_catalog.inet_server_addr()
    WHEN address = 'samenet' THEN true
    WHEN netmask IS NULL THEN false
    WHEN pg_catalog.family(address::pg_catalog.inet) <> pg_catalog.family(pg_catalog.inet_client_addr()) THEN false
    ELSE pg_catalog.host(pg_catalog.inet_client_addr() & netmask::pg_catalog.inet)
       = pg_catalog.host(address::pg_catalog.inet & netmask::pg_catalog.inet)
  END
ORDER BY line_number";
