//! The schema `pgveil`: the domain of sealed columns, and the aggregate for servers before 16.

use super::{
    live::Live,
    plan::{How, Obstacle, Plan, Step},
};
use crate::{cli::sql_text::ident, config::Database};

const CREATE_SCHEMA: &str = "CREATE SCHEMA pgveil";

/// The check is a last net: it stops the storing of what was written around pgveil.
const CREATE_DOMAIN: &str = r"CREATE DOMAIN pgveil.sealed AS pg_catalog.bytea
  CONSTRAINT is_envelope CHECK (pg_catalog.substring(VALUE, 1, 3) = '\xff7076')";

/// 16 brought `any_value` to the server.
const FIRST_WITH_ANY_VALUE: i32 = 160_000;

const GRANT_CREATE: &str = "GRANT CREATE ON DATABASE ";

/// Does everything else build on this statement?
pub(super) fn is_foundation(sql: &str) -> bool {
    sql == CREATE_SCHEMA || sql == CREATE_DOMAIN || is_schema_grant(sql)
}

/// Is it the grant without which the login cannot create schemas?
pub(super) fn is_schema_grant(sql: &str) -> bool {
    sql.starts_with(GRANT_CREATE)
}

/// Adds what is missing of it.
pub(super) fn plan(database: &Database, live: &Live, keystore_missing: bool, plan: &mut Plan) {
    let owner = match &live.schema {
        Some(schema) if schema.may_create => None,
        Some(schema) => Some(schema.owner.clone()),
        None => None,
    };
    if (live.schema.is_none() || keystore_missing) && !live.may_create_schemas {
        plan.steps.push(Step {
            sql: format!("{GRANT_CREATE}{} TO {}", ident(&database.name), ident(&live.role)),
            why: "the schemas pgveil and pgveil_keys; may be revoked afterwards".to_owned(),
            as_role: Some(live.database_owner.clone()),
            how: How::InTransaction,
        });
    }
    let mut step = |sql: String, why: &str| {
        plan.steps.push(Step { sql, why: why.to_owned(), as_role: owner.clone(), how: How::InTransaction });
    };
    if live.schema.is_none() {
        step(CREATE_SCHEMA.to_owned(), "the schema of pgveil's domain and aggregate");
    }
    if !live.schema.as_ref().is_some_and(|schema| schema.public_usage) {
        step("GRANT USAGE ON SCHEMA pgveil TO PUBLIC".to_owned(), "every client's role uses the domain");
    }
    if live.domain.is_none() {
        step(CREATE_DOMAIN.to_owned(), "the type of sealed columns: refuses whatever is no envelope");
    }
    if live.version < FIRST_WITH_ANY_VALUE {
        for ty in ["bytea", "text"] {
            if !live.any_value.iter().any(|known| known == ty) {
                step(any_value(ty), "GROUP BY on sealed columns; servers from 16 on have it built in");
            }
        }
    }
    if live.domain.as_ref().is_some_and(|domain| !domain.as_expected) {
        plan.obstacles.push(Obstacle {
            code: "apply/foreign-domain",
            object: "pgveil.sealed".to_owned(),
            message:
                "the domain pgveil.sealed is not the one that pgveil creates: not over bytea, or its check is gone"
                    .to_owned(),
            hint: format!("restore it by hand; pgveil creates it so: {CREATE_DOMAIN}"),
        });
    }
}

/// A strict state function without an initial value: the first value that is not NULL stays.
fn any_value(ty: &str) -> String {
    format!(
        "CREATE FUNCTION pgveil.any_value_state(pg_catalog.{ty}, pg_catalog.{ty}) RETURNS pg_catalog.{ty}
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS 'SELECT $1';
CREATE AGGREGATE pgveil.any_value(pg_catalog.{ty}) (
  SFUNC = pgveil.any_value_state, STYPE = pg_catalog.{ty}, COMBINEFUNC = pgveil.any_value_state, PARALLEL = SAFE)"
    )
}
