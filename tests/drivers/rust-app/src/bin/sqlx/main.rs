//! An application with sqlx, as people write them.
//!
//!     sqlx URL PERSISTENT
//!
//! PERSISTENT: yes keeps prepared statements in the driver's cache, no prepares each for once.

mod flow;
mod reading;
mod rows;
mod writing;

use std::{env, error::Error as StdError, time::Duration};

use pgveil_driver_tests::Steps;
use serde_json::{Value, json};
use sqlx::{
    AssertSqlSafe, Column, Error, Executor, PgPool, Postgres, TypeInfo,
    postgres::{PgArguments, PgDatabaseError, PgPoolOptions, PgRow},
    query::Query,
};
use tokio::time::timeout;

pub type Outcome = Result<(), Error>;

pub struct App {
    pub url: String,
    pub pool: PgPool,
    pub persistent: bool,
    pub steps: Steps,
}

/// What a program sees of an error, but for the line in PostgreSQL's source that sqlx shows in its text.
pub fn failure(error: &Error) -> Value {
    let Some(server) = error.as_database_error().and_then(|error| error.try_downcast_ref::<PgDatabaseError>()) else {
        return json!(error.to_string());
    };
    json!({
        "code": server.code(), "severity": format!("{:?}", server.severity()), "message": server.message(), "detail": server.detail(), "hint": server.hint(),
        "position": server.position().map(|position| format!("{position:?}")), "where": server.r#where(), "schema": server.schema(),
        "table": server.table(), "column": server.column(), "type": server.data_type(), "constraint": server.constraint(),
        "kind": error.as_database_error().map(|error| format!("{:?}", error.kind())),
    })
}

impl App {
    pub fn note(&self, label: &str, seen: Result<impl Into<Value>, Error>) {
        self.steps.note(label, seen.map_err(|error| failure(&error)));
    }

    /// A statement in the way that this run is about.
    pub fn sql(&self, sql: impl Into<String>) -> Query<'static, Postgres, PgArguments> {
        sqlx::query(AssertSqlSafe(sql.into())).persistent(self.persistent)
    }

    pub async fn exec(&self, label: &str, query: Query<'_, Postgres, PgArguments>) {
        self.note(label, query.execute(&self.pool).await.map(|done| done.rows_affected()));
    }

    pub async fn query(&self, label: &str, query: Query<'_, Postgres, PgArguments>) {
        self.query_on(label, &self.pool, query).await;
    }

    pub async fn query_on<'c>(
        &self,
        label: &str,
        on: impl Executor<'c, Database = Postgres>,
        query: Query<'_, Postgres, PgArguments>,
    ) {
        self.note(label, query.fetch_all(on).await.map(|found| shown(&found)));
    }

    async fn case(&self, name: &str, run: impl AsyncFn(&App) -> Outcome) {
        match timeout(Duration::from_secs(20), run(self)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => self.note("broke off", Err::<Value, _>(error)),
            Err(_) => self.steps.note("hangs", Ok(true)),
        }
        self.steps.print(name);
    }
}

/// Columns and rows.
pub fn shown(found: &[PgRow]) -> Value {
    use sqlx::Row;
    let columns = found.first().map(|row| {
        row.columns()
            .iter()
            .map(|column| format!("{} {}", column.name(), column.type_info().name()))
            .collect::<Vec<_>>()
    });
    json!([columns, found.iter().map(rows::row).collect::<Vec<_>>()])
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn StdError>> {
    let (Some(url), Some(persistent)) = (env::args().nth(1), env::args().nth(2)) else {
        return Err("sqlx URL PERSISTENT".into());
    };
    // One session, so that what a statement sees does not depend on which it gets.
    let pool = PgPoolOptions::new().max_connections(1).acquire_timeout(Duration::from_secs(10)).connect(&url).await?;
    let app = App { url, pool, persistent: persistent == "yes", steps: Steps::default() };

    app.case("natural-values", writing::natural).await;
    app.case("nulls", writing::nulls).await;
    app.case("edges", writing::edges).await;
    app.case("push-values", writing::push_values).await;
    app.case("insert-from-arrays", writing::arrays).await;
    app.case("unicode-and-large-values", writing::large).await;
    app.case("update", writing::update).await;
    app.case("upsert", writing::upsert).await;
    app.case("delete", writing::delete).await;
    app.case("copy-in", writing::copy_in).await;
    app.case("copy-in-errors", writing::copy_errors).await;

    app.case("read-all", reading::all).await;
    app.case("read-struct", reading::structs).await;
    app.case("read-scalars", reading::scalars).await;
    app.case("read-streaming", reading::streaming).await;
    app.case("read-text", reading::text).await;
    app.case("several-results", reading::several).await;
    app.case("find", reading::find).await;
    app.case("find-in-arrays", reading::arrays).await;
    app.case("joins", reading::joins).await;
    app.case("query-builder", reading::builder).await;
    app.case("describe", reading::describe).await;
    app.case("copy-out", reading::copy_out).await;

    app.case("transactions", flow::transactions).await;
    app.case("savepoints", flow::savepoints).await;
    app.case("constraints", flow::constraints).await;
    app.case("values-that-do-not-fit", flow::values).await;
    app.case("wrong-statements", flow::statements).await;
    app.case("timeout", flow::timeout).await;
    app.case("statements-and-ddl", flow::ddl).await;
    app.case("settings-of-time", flow::settings).await;
    app.case("notifications", flow::notifications).await;
    app.case("own-types", flow::types).await;
    app.case("pool", flow::pool).await;
    app.case("advisory-lock", flow::lock).await;
    Ok(())
}
