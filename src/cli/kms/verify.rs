//! `pgveil kms verify`: does the service let pgveil do what it has to?

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Service;
use crate::{
    cli::{Outcome, console::Console, error::CliError, shown},
    kms::{Condition, Description, KeyBytes, Kms, KmsError, KmsErrorKind, Permission, WrapContext},
};

/// Probes everything, even if the first thing fails: one run is to name all that is missing.
pub(super) async fn verify(service: &Service, console: Console) -> Result<Outcome, CliError> {
    let kms = &*service.kms;
    // First: it makes the keyring where there is none yet, so that there is something to describe.
    let trip = round_trip(kms).await;
    let description = kms.describe().await;
    let permissions = match kms.permissions().await {
        Ok(permissions) => permissions,
        // By now the service may not even be asked any more: the first failure says why.
        Err(error) => return Err(trip.err().unwrap_or(error).into()),
    };
    let missing = missing(&permissions);
    show(console, service, description.as_ref().ok(), &permissions, &trip);
    let usable = description.as_ref().is_ok_and(|d| d.condition == Condition::Enabled);
    if let Err(error) = &description {
        console.say(&format!("describe failed: {error}"));
    }
    if let Err(error) = &trip {
        console.say(&format!("round trip failed: {error}"));
    }
    for permission in &missing {
        console.say(&format!("missing: {}, needed to {}", permission.name, permission.purpose));
    }
    let ok = usable && trip.is_ok() && missing.is_empty();
    console.say(if ok { "ok" } else { "`pgveil kms principal` shows who must be granted what" });
    console.document(&json!({
        "kms": service.name,
        "kind": kms.kind(),
        "key_ref": kms.key_ref(),
        "ok": ok,
        "description": described(&description),
        "round_trip": match &trip {
            Ok(took) => json!({ "ok": true, "microseconds": took.as_micros() as u64 }),
            Err(error) => failure(error),
        },
        "permissions": permissions.iter().map(document).collect::<Vec<_>>(),
        "missing": missing.iter().map(|permission| permission.name).collect::<Vec<_>>(),
    }));
    Ok(if ok { Outcome::Fine } else { Outcome::Findings })
}

/// Wraps 32 random bytes and unwraps them again; under another context they must not open where the
/// service binds to it. Gives how long wrap and unwrap took.
async fn round_trip(kms: &dyn Kms) -> Result<Duration, KmsError> {
    let context = |purpose: &str| WrapContext(vec![("purpose", purpose.to_owned())]);
    let failed = |kind, message: &str| Err(KmsError::new(kms.kind(), kind, message));
    let Ok(key) = KeyBytes::random() else {
        return failed(KmsErrorKind::Unavailable, "the operating system gave no random bytes");
    };
    let began = Instant::now();
    let wrapped = kms.wrap(key.expose(), &context("verify")).await?;
    let back = kms.unwrap(&wrapped, &context("verify")).await?;
    let took = began.elapsed();
    if back != key {
        return failed(KmsErrorKind::Integrity, "a key came back changed from wrapping and unwrapping");
    }
    if kms.capabilities().binds_context && kms.unwrap(&wrapped, &context("other")).await.is_ok() {
        return failed(KmsErrorKind::Integrity, "a wrap opened under another context than it was made with");
    }
    Ok(took)
}

fn missing(permissions: &[Permission]) -> Vec<&Permission> {
    permissions.iter().filter(|permission| permission.required && permission.outcome.is_err()).collect()
}

fn show(
    console: Console,
    service: &Service,
    description: Option<&Description>,
    permissions: &[Permission],
    trip: &Result<Duration, KmsError>,
) {
    console.heading(&service.title());
    let mut facts = vec![vec!["key".to_owned(), service.kms.key_ref()]];
    if let Some(description) = description {
        facts.push(vec!["state".to_owned(), condition(description.condition)]);
        if description.created_at.is_some() {
            facts.push(vec!["created".to_owned(), shown::moment(description.created_at)]);
        }
        facts.extend(description.facts.iter().map(|(name, value)| vec![(*name).to_owned(), value.clone()]));
    }
    if let Ok(took) = trip {
        facts.push(vec!["wrap and unwrap".to_owned(), shown::duration(*took)]);
    }
    console.table(&["of the key", ""], &facts);
    if permissions.is_empty() {
        return;
    }
    let rows: Vec<Vec<String>> = permissions
        .iter()
        .map(|permission| {
            let result = match &permission.outcome {
                Ok(()) => "granted".to_owned(),
                Err(error) if permission.required => format!("{}: {}", error.kind.class(), error.message),
                Err(error) => format!("not granted, not needed ({})", error.kind.class()),
            };
            vec![permission.name.to_owned(), permission.purpose.to_owned(), result]
        })
        .collect();
    console.table(&["permission", "needed to", "result"], &rows);
}

/// The provider's own word, with the date that matters.
pub(in crate::cli) fn condition(condition: Condition) -> String {
    match condition {
        Condition::Enabled => "enabled".to_owned(),
        Condition::Disabled => "disabled".to_owned(),
        Condition::PendingDestroy(None) => "will be destroyed".to_owned(),
        Condition::PendingDestroy(at) => format!("will be destroyed at {}", shown::moment(at)),
        Condition::Destroyed => "destroyed".to_owned(),
        Condition::Unavailable => "unavailable".to_owned(),
    }
}

fn described(description: &Result<Description, KmsError>) -> Value {
    match description {
        Ok(description) => json!({
            "key_ref": description.key_ref,
            "condition": condition(description.condition),
            "created_at": shown::instant(description.created_at),
            "facts": description.facts.iter().map(|(name, value)| ((*name).to_owned(), value.as_str().into()))
                .collect::<serde_json::Map<String, Value>>(),
        }),
        Err(error) => failure(error),
    }
}

fn document(permission: &Permission) -> Value {
    let mut document = match &permission.outcome {
        Ok(()) => json!({ "ok": true }),
        Err(error) => failure(error),
    };
    if let Some(fields) = document.as_object_mut() {
        fields.insert("name".to_owned(), permission.name.into());
        fields.insert("purpose".to_owned(), permission.purpose.into());
        fields.insert("required".to_owned(), permission.required.into());
    }
    document
}

fn failure(error: &KmsError) -> Value {
    json!({ "ok": false, "class": error.kind.class(), "code": error.kind.code(), "message": error.message })
}
