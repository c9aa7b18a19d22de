//! An application with tokio-postgres, as people write them.
//!
//!     tokio_postgres URL

mod bulk;
mod failing;
mod flow;
mod reading;
mod values;
mod writing;

use std::{env, error::Error as StdError, future::poll_fn, time::Duration};

use futures_util::{StreamExt, stream};
use pgveil_driver_tests::Steps;
use serde_json::{Value, json};
use tokio::{
    sync::mpsc::{self, UnboundedReceiver},
    time::timeout,
};
use tokio_postgres::{AsyncMessage, Client, Error, GenericClient, NoTls, Statement, types::ToSql};

pub struct App {
    pub url: String,
    pub client: Client,
    pub steps: Steps,
}

pub type Outcome = Result<(), Error>;
pub type Param<'a> = &'a (dyn ToSql + Sync);

/// What a program sees of an error.
pub fn failure(error: &Error) -> Value {
    let Some(server) = error.as_db_error() else {
        return json!([error.to_string(), error.source().map(ToString::to_string), error.is_closed()]);
    };
    json!({
        "severity": server.severity(), "code": server.code().code(), "message": server.message(), "detail": server.detail(),
        "hint": server.hint(), "position": server.position().map(|position| format!("{position:?}")), "where": server.where_(),
        "schema": server.schema(), "table": server.table(), "column": server.column(), "type": server.datatype(),
        "constraint": server.constraint(), "text": error.to_string(),
    })
}

/// A session, and the notices and notifications it gets.
pub async fn connect(url: &str) -> Result<(Client, UnboundedReceiver<AsyncMessage>), Error> {
    let (client, mut connection) = tokio_postgres::connect(url, NoTls).await?;
    let (sender, receiver) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut messages = stream::poll_fn(move |context| connection.poll_message(context));
        while let Some(Ok(message)) = messages.next().await {
            if sender.send(message).is_err() {
                // The application only wants the rest to go on.
                poll_fn(|context| messages.poll_next_unpin(context).map(|_| ())).await;
            }
        }
    });
    Ok((client, receiver))
}

impl App {
    pub fn note(&self, label: &str, seen: Result<impl Into<Value>, Error>) {
        self.steps.note(label, seen.map_err(|error| failure(&error)));
    }

    pub async fn exec(&self, label: &str, client: &impl GenericClient, sql: &str, params: &[Param<'_>]) {
        self.note(label, client.execute(sql, params).await);
    }

    /// Columns and rows of a statement that is prepared first.
    pub async fn query(&self, label: &str, client: &impl GenericClient, sql: &str, params: &[Param<'_>]) {
        let found = async {
            let statement = client.prepare(sql).await?;
            let rows = client.query(&statement, params).await?;
            Ok(json!([values::columns(statement.columns()), rows.iter().map(values::row).collect::<Vec<_>>()]))
        };
        self.note(label, found.await);
    }

    /// Rows of a statement that is prepared already.
    pub async fn prepared(&self, label: &str, statement: &Statement, params: &[Param<'_>]) {
        let rows = self.client.query(statement, params).await;
        self.note(label, rows.map(|rows| rows.iter().map(values::row).collect::<Vec<_>>()));
    }

    async fn case(&self, name: &str, run: impl AsyncFn(&App) -> Outcome) {
        match timeout(Duration::from_secs(20), run(self)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                self.note("broke off", Err::<Value, _>(error));
                let _ = timeout(Duration::from_secs(5), self.client.batch_execute("ROLLBACK")).await;
            }
            Err(_) => self.steps.note("hangs", Ok(true)),
        }
        self.steps.print(name);
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn StdError>> {
    let url = env::args().nth(1).ok_or("tokio_postgres URL")?;
    let (client, _messages) = connect(&url).await?;
    let app = App { url, client, steps: Steps::default() };

    app.case("natural-values", writing::natural).await;
    app.case("nulls", writing::nulls).await;
    app.case("edges", writing::edges).await;
    app.case("typed-parameters", writing::typed).await;
    app.case("text-parameters", writing::text).await;
    app.case("casts-of-casts", writing::casts_of_casts).await;
    app.case("orders", writing::orders).await;
    app.case("unicode", writing::unicode).await;
    app.case("large-values", writing::large).await;
    app.case("update", writing::update).await;
    app.case("upsert", writing::upsert).await;
    app.case("delete", writing::delete).await;
    app.case("insert-from-arrays", writing::arrays).await;

    app.case("read-all", reading::all).await;
    app.case("read-bytes", reading::bytes).await;
    app.case("read-infinities", reading::infinities).await;
    app.case("read-one", reading::one).await;
    app.case("read-streaming", reading::streaming).await;
    app.case("read-portals", reading::portals).await;
    app.case("read-text", reading::simple).await;
    app.case("find", reading::find).await;
    app.case("find-in-arrays", reading::arrays).await;
    app.case("joins", reading::joins).await;
    app.case("describe", reading::describe).await;
    app.case("wrong-rust-types", reading::wrong_types).await;

    app.case("copy-in-text", bulk::text).await;
    app.case("copy-in-csv", bulk::csv).await;
    app.case("copy-in-binary", bulk::binary).await;
    app.case("copy-out", bulk::out).await;
    app.case("copy-out-binary", bulk::binary_out).await;
    app.case("copy-in-errors", bulk::errors).await;
    app.case("copy-given-up", bulk::given_up).await;

    app.case("transactions", flow::transactions).await;
    app.case("savepoints", flow::savepoints).await;
    app.case("pipeline", flow::pipeline).await;
    app.case("pipeline-with-an-error", flow::pipeline_with_an_error).await;
    app.case("statements-and-ddl", flow::ddl).await;
    app.case("notifications", flow::notifications).await;
    app.case("settings-of-time", flow::settings).await;
    app.case("enum-and-composite", flow::types).await;
    app.case("several-sessions", flow::sessions).await;

    app.case("constraints", failing::constraints).await;
    app.case("values-that-do-not-fit", failing::values).await;
    app.case("wrong-statements", failing::statements).await;
    app.case("timeout", failing::timeout).await;
    app.case("cancel", failing::cancel).await;
    app.case("cannot-connect", failing::cannot_connect).await;
    Ok(())
}
