//! `pgveil check`: the policy against the live database.
//!
//! [`door`]: who gets in, over what, and to which server. Catalog findings come from `sql::catalog`; [`probe`] seals, writes, reads back and opens a row per
//! table in a transaction that is rolled back; [`index`] has the server explain a look-up.

mod door;
mod finding;
mod index;
mod probe;
mod sample;

use clap::Args;
use serde_json::{Value, json};
use tokio_postgres::Client;

use super::{
    Outcome, apply::sweeping, connect, console::Console, error::CliError, sql_text::ident, value::open_keyring,
};
use crate::{
    config::{Database, Policy},
    crypto,
    keys::Keyring,
};
use door::Door;
use finding::{Finding, Severity};
use probe::Probed;

/// Arguments of `pgveil check`.
#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// Write no probe rows.
    #[arg(long)]
    no_probe: bool,
}

/// What was found in one database.
struct Checked {
    database: String,
    findings: Vec<Finding>,
    probes: Vec<Probed>,
}

/// Checks all databases of the policy.
pub(super) async fn check(policy: &Policy, args: &CheckArgs, console: Console) -> Result<Outcome, CliError> {
    crypto::crypto_verified().map_err(|error| {
        CliError::failed(
            "crypto/self-check",
            error.to_string(),
            "this build or this processor computes wrongly: do not use it",
        )
    })?;
    let door = door::check(policy).await;
    // Said before a database that cannot be reached ends it all: it may be why.
    door.show(console);
    let mut checked = Vec::new();
    for database in policy.databases.values() {
        checked.push(check_database(policy, database, args).await?);
    }
    show(console, &door, &checked);
    let bad = door.has_errors()
        || checked.iter().flat_map(|c| &c.findings).any(|finding| finding.severity == Severity::Error);
    Ok(if bad { Outcome::Findings } else { Outcome::Fine })
}

/// Values that the probes of a database may seal.
const USES: u64 = 10_000;

async fn check_database(policy: &Policy, database: &Database, args: &CheckArgs) -> Result<Checked, CliError> {
    let mut client = connect::service(policy, &database.name).await?;
    let keyring = open_keyring(policy, &client, &database.name).await;
    let registered = keyring.as_ref().ok().map(|keyring| keyring.registered());
    let mut findings = finding::of_catalog(&client, database, registered).await?;
    let mut probes = Vec::new();
    match keyring {
        Err(error) => findings.push(Finding::error("keys/keystore", &database.name, error.to_string(), error.hint())),
        Ok(keyring) if !args.no_probe => {
            // What is sealed is rolled back, but it counts.
            keyring.take_block(&client, "pgveil check", Some(USES), None).await?;
            probe_tables(&mut client, (database, &policy.service.user), &keyring, &mut findings, &mut probes).await?;
        }
        Ok(_) => {}
    }
    index::check(&mut client, database, &mut findings).await?;
    if sweeping::are_wanted(policy) {
        findings.extend(rights_of_sweeps(&client, policy, database).await?);
    }
    findings.sort_by_key(|finding| finding.severity);
    Ok(Checked { database: database.name.clone(), findings, probes })
}

/// Without them sweeps do not begin; nothing else is lost.
async fn rights_of_sweeps(
    client: &Client,
    policy: &Policy,
    database: &Database,
) -> Result<impl Iterator<Item = Finding>, CliError> {
    let service = &policy.service.user;
    let message = format!("sweeps cannot seal its values anew: {} lacks a right", ident(service));
    let missing = sweeping::missing(client, database, service).await?;
    Ok(missing.into_iter().map(move |missing| {
        let hint = format!("run `pgveil apply`, or as its owner: {}", missing.sql);
        Finding::warning("sweep/no-privilege", missing.object, message.clone(), Some(hint))
    }))
}

async fn probe_tables(
    client: &mut Client,
    (database, login): (&Database, &str),
    keyring: &std::sync::Arc<Keyring>,
    findings: &mut Vec<Finding>,
    probes: &mut Vec<Probed>,
) -> Result<(), CliError> {
    for table in &database.tables {
        match probe::probe(client, table, keyring, login).await? {
            Ok(found) => {
                for probed in found.iter().filter(|probed| !probed.intact) {
                    findings.push(Finding::error(
                        "check/probe",
                        &probed.column,
                        format!("a probe value came back as {}", probed.read_back),
                        Some("a trigger or rule changes what is stored in the column".to_owned()),
                    ));
                }
                probes.extend(found);
            }
            Err(skipped) => findings.push(Finding::warning(
                "check/probe-skipped",
                format!("{}.{}", table.schema, table.name),
                format!("probe skipped: {}", skipped.reason),
                skipped.hint,
            )),
        }
    }
    Ok(())
}

fn show(console: Console, door: &Door, checked: &[Checked]) {
    for one in checked {
        console.heading(&format!("database {}", one.database));
        if !one.probes.is_empty() {
            let rows: Vec<Vec<String>> = one.probes.iter().map(Probed::row).collect();
            console.table(&["probe of column", "type", "stored", "bytes", "read back"], &rows);
        }
        if one.findings.is_empty() {
            console.say("no findings: the policy and the database agree");
        } else {
            for finding in &one.findings {
                console.say(&finding.lines());
            }
        }
    }
    let databases: Vec<Value> = checked
        .iter()
        .map(|one| json!({ "database": one.database, "findings": one.findings, "probes": one.probes }))
        .collect();
    console.document(&json!({ "crypto_verified": true, "door": door.document(), "databases": databases }));
}
