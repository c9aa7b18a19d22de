//! What pgveil's default query of verifiers needs: a right that only a superuser can give.

use super::{
    connect,
    plan::{How, Plan, Step},
};
use crate::{
    cli::error::{CliError, during},
    config::{AUTH_QUERY, AuthMethod, Policy, Verifiers},
    session::door::verifiers::grant,
};

/// The database where the query runs, and what is missing there. None: nothing is asked of the server.
pub(super) async fn plan(policy: &Policy) -> Result<Option<(&str, Plan)>, CliError> {
    let asks = matches!(policy.auth.method, AuthMethod::Scram | AuthMethod::Password);
    let Some(Verifiers::Query { sql, database }) = policy.auth.verifiers.as_ref().filter(|_| asks) else {
        return Ok(None);
    };
    let mut plan = Plan::default();
    if sql == AUTH_QUERY {
        let client = connect::service(policy, database).await?;
        let may = client.query_one(MAY_READ, &[]).await.map_err(during("looking for the right to read verifiers"))?;
        if !may.get::<_, bool>(0) {
            plan.steps.push(Step {
                sql: grant(&policy.service.user),
                why: "the verifiers that `auth: scram` checks passwords with; counts in this database alone".to_owned(),
                as_role: Some("a superuser".to_owned()),
                how: How::InTransaction,
            });
        }
    }
    Ok(Some((database, plan)))
}

/// A superuser may, too. Whoever may not cannot give the right to itself.
const MAY_READ: &str = "
SELECT pg_catalog.bool_and(pg_catalog.has_column_privilege('pg_catalog.pg_authid', c, 'SELECT'))
FROM pg_catalog.unnest('{rolname,rolpassword,rolvaliduntil,rolcanlogin}'::text[]) c";
