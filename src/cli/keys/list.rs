//! `pgveil keys list`

use serde_json::{Value, json};

use super::{
    DatabaseArgs, rows,
    target::{self, Target},
};
use crate::{
    cli::{Outcome, console::Console, error::CliError},
    config::Policy,
};

/// Shows the keys of one database or of all.
pub(super) async fn list(policy: &Policy, args: &DatabaseArgs, console: Console) -> Result<Outcome, CliError> {
    let mut documents = Vec::new();
    for database in target::some(policy, args)? {
        let inventory = Target::for_reading(policy, database).await?.inventory().await?;
        console.heading(&format!("database {}: keystore {}", database.name, inventory.keystore));
        let keks: Vec<_> = inventory.keks.iter().map(rows::kek_row).collect();
        console.table(rows::KEK, &keks);
        let deks: Vec<_> = inventory.deks.iter().map(|dek| rows::dek_row(dek, &inventory)).collect();
        // Usage, keys and dates are the inventory's.
        const SHORT: [usize; 6] = [0, 1, 3, 6, 7, 8];
        let short = |row: &[String]| SHORT.iter().filter_map(|at| row.get(*at).cloned()).collect::<Vec<_>>();
        let header: Vec<&str> = SHORT.iter().filter_map(|at| rows::DEK.get(*at).copied()).collect();
        console.table(&header, &deks.iter().map(|row| short(row)).collect::<Vec<_>>());
        let mut document = rows::keystore_document(&database.name, &inventory);
        if let Some(fields) = document.as_object_mut() {
            let keks: Vec<Value> = inventory.keks.iter().map(rows::kek_document).collect();
            let deks: Vec<Value> = inventory.deks.iter().map(|dek| rows::dek_document(dek, &inventory)).collect();
            fields.insert("keks".to_owned(), keks.into());
            fields.insert("deks".to_owned(), deks.into());
        }
        documents.push(document);
    }
    console.document(&json!({ "databases": documents }));
    Ok(Outcome::Fine)
}
