//! `pgveil kms principal`: whom to grant what.

use serde_json::json;

use super::Service;
use crate::cli::{Outcome, console::Console, error::CliError};

/// Shows it; changes nothing and tries nothing.
pub(super) async fn show(service: &Service, console: Console) -> Result<Outcome, CliError> {
    let principal = service.kms.principal().await?;
    console.heading(&service.title());
    console.say(&format!("identity  {}\nsource    {}", principal.identity, principal.source));
    if principal.grant.is_empty() {
        console.say("nothing has to be granted");
    } else {
        console.say(&format!("\nto be granted:\n{}", principal.grant));
    }
    console.document(&json!({
        "kms": service.name,
        "kind": service.kms.kind(),
        "identity": principal.identity,
        "source": principal.source,
        "grant": principal.grant,
    }));
    Ok(Outcome::Fine)
}
