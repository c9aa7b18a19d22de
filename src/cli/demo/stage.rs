//! The demo's set-up: a server, a database with an empty table, a policy, a keyring, a proxy.

use std::{ffi::OsStr, fs, os::unix::fs::DirBuilderExt as _, path::PathBuf, process::Stdio};

use serde_json::Value;
use tokio_postgres::{Client, NoTls};

use super::{
    cluster::{Cluster, ClusterOptions},
    proxy::{Proxy, ProxyError},
};
use crate::cli::error::{CliError, during};

/// Roles and database. The service login gets the rights of the table's owner, so that `apply` can
/// do everything by itself.
const ROLES: &[&str] = &[
    "CREATE ROLE app LOGIN",
    "CREATE ROLE pgveil LOGIN",
    "GRANT app TO pgveil",
    "CREATE DATABASE app OWNER app",
    "GRANT CREATE ON DATABASE app TO pgveil",
];

/// The application's own table, in the types that it knows.
pub(super) const TABLE: &str = "CREATE TABLE people (
  id     integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name   text NOT NULL,
  email  varchar(120) NOT NULL UNIQUE,
  birth  date,
  card   char(16),
  salary numeric(12,2),
  notes  text)";

/// What the demo protects, as it stands below `columns:`.
pub(super) const COLUMNS: &[&str] = &[
    "email:  { type: varchar(120), mode: equality, normalize: [lower, trim] }",
    "birth:  { type: date }",
    "card:   { type: char(16), mode: equality }",
    "salary: { type: \"numeric(12,2)\" }",
    "notes:  { type: text, padding: padme }",
];

/// Fields drop in this order: the proxy goes before the server.
pub(super) struct Stage {
    proxy: Option<Proxy>,
    pub(super) cluster: Cluster,
    config: PathBuf,
}

impl Stage {
    /// Starts the server and creates roles, database, table and policy file.
    pub(super) async fn set() -> Result<Self, CliError> {
        // With everything logged, the log shows what the server got to see.
        let options =
            ClusterOptions { settings: vec!["log_statement = 'all'".to_owned()], ..ClusterOptions::default() };
        let cluster = blocking(move || Cluster::start(&options)).await??;
        let superuser = connect(&cluster.conn_string("postgres")).await?;
        for sql in ROLES {
            superuser.batch_execute(sql).await.map_err(during("setting up the demo's roles"))?;
        }
        let folder = cluster.dir().join("pgveil");
        let io = |source| CliError::Io { what: "writing the demo's policy", source };
        fs::DirBuilder::new().mode(0o700).create(&folder).map_err(io)?;
        let config = folder.join("pgveil.yaml");
        fs::write(&config, policy(cluster.port(), &folder.join("keyring").display().to_string())).map_err(io)?;
        let stage = Self { proxy: None, cluster, config };
        stage.direct().await?.batch_execute(TABLE).await.map_err(during("creating the demo's table"))?;
        Ok(stage)
    }

    /// Runs `pgveil apply --yes`; gives the first line of each statement it ran.
    pub(super) async fn apply(&self) -> Result<Vec<String>, CliError> {
        let document = self.pgveil("demo/apply", &["apply", "--yes"]).await?;
        let steps = document.pointer("/databases/0/steps").and_then(Value::as_array).cloned().unwrap_or_default();
        Ok(steps.iter().filter_map(|step| step.get("sql")?.as_str()?.lines().next().map(str::to_owned)).collect())
    }

    /// Runs a command of pgveil; gives the document that it prints. It must succeed.
    pub(super) async fn pgveil(&self, code: &'static str, args: &[&str]) -> Result<Value, CliError> {
        let mut command = std::process::Command::new(this_program()?);
        command.args(args).args(["--json", "--config"]).arg(&self.config).stdin(Stdio::null());
        let output = blocking(move || command.output())
            .await?
            .map_err(|source| CliError::Io { what: "running pgveil for the demo", source })?;
        let document: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        if !output.status.success() {
            let message = format!(
                "pgveil {} failed: {document} {}",
                args.join(" "),
                String::from_utf8_lossy(&output.stderr).trim()
            );
            return Err(CliError::failed(code, message, "this is a defect of pgveil"));
        }
        Ok(document)
    }

    /// Starts `pgveil run` on a free port.
    pub(super) async fn serve(&mut self) -> Result<(), CliError> {
        let (program, config) = (this_program()?, self.config.clone());
        let proxy = blocking(move || Proxy::start(&program, &config, [("PGVEIL_LOG__LEVEL", OsStr::new("warn"))]))
            .await?
            .map_err(|error: ProxyError| {
                CliError::failed("demo/run", error.to_string(), "this is a defect of pgveil")
            })?;
        self.proxy = Some(proxy);
        Ok(())
    }

    /// A connection of the application, as it would be without pgveil.
    pub(super) async fn direct(&self) -> Result<Client, CliError> {
        connect(&conn_string(self.cluster.port())).await
    }

    /// A connection of the application through pgveil.
    pub(super) async fn through(&self) -> Result<Client, CliError> {
        connect(&conn_string(self.proxy_port())).await
    }

    pub(super) fn proxy_port(&self) -> u16 {
        self.proxy.as_ref().map_or(0, |proxy| proxy.address().port())
    }
}

/// Connection string of the application's login.
pub(super) fn conn_string(port: u16) -> String {
    format!("host=127.0.0.1 port={port} user=app dbname=app")
}

fn policy(port: u16, keyring: &str) -> String {
    format!(
        "listen: 127.0.0.1:0
upstream: {{ hosts: [\"127.0.0.1:{port}\"] }}
service: {{ user: pgveil }}
kms:
  main: {{ local: {{ keyring: {keyring} }} }}
keys: {{ kms: main }}
databases:
  app:
    tables:
      people:
        columns:
          {}
",
        COLUMNS.join("\n          ")
    )
}

fn this_program() -> Result<PathBuf, CliError> {
    std::env::current_exe().map_err(|source| CliError::Io { what: "finding this program", source })
}

async fn connect(conn_string: &str) -> Result<Client, CliError> {
    let (client, connection) = tokio_postgres::connect(conn_string, NoTls).await.map_err(during("connecting"))?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection of the demo ended");
        }
    });
    Ok(client)
}

/// Runs what blocks beside the runtime, so that Ctrl-C is heard meanwhile.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, CliError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| CliError::Io { what: "waiting for a blocking task", source: error.into() })
}
