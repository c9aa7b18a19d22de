//! A second dialect, in the style of Scaleway's Key Manager: REST with a bearer token. Its data keys
//! cannot be bound to anything, `encrypt` and `decrypt` take `associated_data`.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use serde_json::{Value, json};

use super::{
    Incoming, Reply, Shared, lock,
    vault::{Closed, State, random},
};

/// Where its requests start.
pub(super) const PREFIX: &str = "/key-manager/";
/// The token that opens it.
pub const TOKEN: &str = "fake-kms-token";

/// An error: its type and status.
struct Fault(&'static str, u16);

/// `encrypt`, `decrypt`, `generate-data-key`, or `get-key`.
pub(super) fn operation(request: &Incoming) -> String {
    match request.path.split('/').nth(7) {
        Some(operation) => operation.to_owned(),
        None => "get-key".to_owned(),
    }
}

pub(super) fn answer(shared: &Shared, operation: &str, request: &Incoming) -> Reply {
    let (outcome, status, retry_after, body) = match perform(shared, operation, request) {
        Ok(body) => ("ok", 200, None, body),
        Err((Fault(kind, status), retry_after)) => {
            (kind, status, retry_after, json!({ "type": kind, "message": kind }))
        }
    };
    let body = body.to_string().into_bytes();
    Reply { outcome: outcome.to_owned(), status, content_type: "application/json", retry_after, body }
}

fn perform(shared: &Shared, operation: &str, request: &Incoming) -> Result<Value, (Fault, Option<u32>)> {
    let fault = |kind, status| (Fault(kind, status), None);
    let mut faults = lock(&shared.faults);
    if let Some(throttled) = faults.too_many() {
        return Err((Fault("quotas_exceeded", 429), throttled.retry_after));
    }
    if request.headers.get("authorization").map(String::as_str) != Some(&format!("Bearer {TOKEN}")) {
        return Err(fault("denied_authentication", 401));
    }
    if faults.denied.contains(operation) {
        return Err(fault("permissions_denied", 403));
    }
    // /key-manager/v1alpha1/regions/{region}/keys/{id}[/{operation}]
    let id = request.path.split('/').nth(6).unwrap_or_default();
    let mut vault = lock(&shared.vault);
    let key = vault.find(id).ok_or(fault("not_found", 404))?;
    let state = match key.state {
        State::Enabled => "enabled",
        State::Disabled => "disabled",
        State::PendingDeletion(_) => "scheduled_for_deletion",
        State::Unavailable => "pending_key_material",
    };
    if operation == "get-key" {
        return Ok(json!({ "id": key.id, "state": state, "rotation_count": key.versions.len() - 1 }));
    }
    if state != "enabled" {
        return Err(fault("precondition_failed", 412));
    }
    let arguments: Value = serde_json::from_slice(&request.body).map_err(|_| fault("invalid_arguments", 400))?;
    let bytes = |name: &str| {
        let text = arguments.get(name).and_then(Value::as_str).unwrap_or_default();
        BASE64.decode(text).map_err(|_| fault("invalid_arguments", 400))
    };
    match operation {
        "encrypt" => {
            let mut blob = key.seal(&bytes("plaintext")?, &bytes("associated_data")?);
            if faults.tampers
                && let Some(last) = blob.last_mut()
            {
                *last ^= 1;
            }
            Ok(json!({ "key_id": key.id, "ciphertext": BASE64.encode(blob) }))
        }
        "decrypt" => match key.open(&bytes("ciphertext")?, &bytes("associated_data")?) {
            Ok((plaintext, _)) => Ok(json!({ "key_id": key.id, "plaintext": BASE64.encode(plaintext) })),
            Err(Closed::Invalid | Closed::Of(_)) => Err(fault("invalid_arguments", 400)),
        },
        "generate-data-key" => {
            let plaintext = random::<32>();
            let mut reply = json!({
                "key_id": key.id, "algorithm": "aes_256_gcm", "ciphertext": BASE64.encode(key.seal(&plaintext, b""))
            });
            if arguments.get("without_plaintext") != Some(&Value::Bool(true)) {
                reply["plaintext"] = BASE64.encode(plaintext).into();
            }
            Ok(reply)
        }
        _ => Err(fault("not_found", 404)),
    }
}
