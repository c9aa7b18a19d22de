//! `pgveil keys inventory`

use clap::Args;
use serde_json::{Value, json};

use super::{
    DatabaseArgs,
    filter::{Facts, Filter},
    rows,
    target::{self, Target},
};
use crate::{
    cli::{Outcome, console::Console, error::CliError, shown},
    config::Policy,
    keys::keystore::DekInfo,
};

/// Arguments of `pgveil keys inventory`.
#[derive(Debug, Args)]
pub(in crate::cli) struct InventoryArgs {
    #[command(flatten)]
    database: DatabaseArgs,
    #[command(flatten)]
    filter: Filter,
}

/// Shows the DEKs that pass the filters.
pub(super) async fn inventory(policy: &Policy, args: &InventoryArgs, console: Console) -> Result<Outcome, CliError> {
    let now = shown::now();
    let mut documents = Vec::new();
    for database in target::some(policy, &args.database)? {
        let inventory = Target::for_reading(policy, database).await?.inventory().await?;
        let deks: Vec<&DekInfo> = inventory.deks.iter().filter(|dek| args.filter.passes(&facts(dek), now)).collect();
        console.heading(&format!("database {}: {} of {} DEKs", database.name, deks.len(), inventory.deks.len()));
        if !deks.is_empty() {
            let table: Vec<_> = deks.iter().map(|dek| rows::dek_row(dek, &inventory)).collect();
            console.table(rows::DEK, &table);
        }
        let mut document = rows::keystore_document(&database.name, &inventory);
        if let Some(fields) = document.as_object_mut() {
            let deks: Vec<Value> = deks.iter().map(|dek| rows::dek_document(dek, &inventory)).collect();
            fields.insert("deks".to_owned(), deks.into());
            fields.insert("total".to_owned(), inventory.deks.len().into());
        }
        documents.push(document);
    }
    console.document(&json!({ "databases": documents }));
    Ok(Outcome::Fine)
}

fn facts(dek: &DekInfo) -> Facts {
    Facts {
        state: dek.state,
        // Where nobody counted it may be anything: nothing that should stand out is to be missed.
        leased: dek.uses.unwrap_or(dek.max_uses),
        max_uses: dek.max_uses,
        expires_at: dek.expires_at,
        kek: dek.kek,
    }
}
