//! AWS KMS: JSON 1.1 over `POST /`, the operation in `X-Amz-Target: TrentService.<Operation>`.
//!
//! Behaviour and messages follow the AWS KMS API reference.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use serde_json::{Map, Value, json};

use super::{
    ACCOUNT, Incoming, Reply, Shared,
    faults::Faults,
    lock, signature, sts,
    vault::{Closed, Key, State, Vault, random},
};

/// An error of the service.
struct Fault {
    code: &'static str,
    message: String,
    retry_after: Option<u32>,
}

fn fault<T>(code: &'static str, message: impl Into<String>) -> Result<T, Fault> {
    Err(Fault { code, message: message.into(), retry_after: None })
}

/// The name of what a request asks for.
pub(super) fn operation(request: &Incoming) -> String {
    if let Some(target) = request.headers.get("x-amz-target") {
        return target.rsplit('.').next().unwrap_or_default().to_owned();
    }
    let body = String::from_utf8_lossy(&request.body).into_owned();
    body.split('&').find_map(|pair| pair.strip_prefix("Action=")).unwrap_or("unknown").to_owned()
}

pub(super) fn answer(shared: &Shared, operation: &str, request: &Incoming) -> Reply {
    let is_kms = request.headers.contains_key("x-amz-target");
    let outcome = gate(shared, operation, request).and_then(|caller| {
        if !is_kms {
            return Ok(sts::answer(shared, operation, &caller, &request.body));
        }
        let Ok(Value::Object(arguments)) = serde_json::from_slice(&request.body) else {
            return fault("SerializationException", "the body is no JSON object");
        };
        let mut call = Operation { vault: &mut lock(&shared.vault), faults: &lock(&shared.faults), caller, arguments };
        let body = call.perform(operation)?.to_string().into_bytes();
        Ok(Reply { outcome: "ok".to_owned(), status: 200, content_type: JSON, retry_after: None, body })
    });
    outcome.unwrap_or_else(|Fault { code, message, retry_after }| {
        if !is_kms {
            return sts::error(if code.starts_with("Throttl") { 400 } else { 403 }, code, &message);
        }
        let status = if code == "KMSInternalException" || code == "DependencyTimeoutException" { 500 } else { 400 };
        let body = json!({ "__type": code, "message": message }).to_string().into_bytes();
        Reply { outcome: code.to_owned(), status, content_type: JSON, retry_after, body }
    })
}

const JSON: &str = "application/x-amz-json-1.1";

/// Who calls, unless there are too many calls or nobody has signed.
fn gate(shared: &Shared, operation: &str, request: &Incoming) -> Result<String, Fault> {
    if let Some(throttled) = lock(&shared.faults).too_many() {
        let message = format!("Rate exceeded for {operation}");
        return Err(Fault { code: "ThrottlingException", message, retry_after: throttled.retry_after });
    }
    signature::signer(shared, request).or_else(|(code, message)| fault(code, message))
}

/// One call.
struct Operation<'a> {
    vault: &'a mut Vault,
    faults: &'a Faults,
    caller: String,
    arguments: Map<String, Value>,
}

impl Operation<'_> {
    fn perform(&mut self, name: &str) -> Result<Value, Fault> {
        match name {
            "GenerateDataKey" => self.generate(name, true),
            "GenerateDataKeyWithoutPlaintext" => self.generate(name, false),
            "Encrypt" => self.encrypt(),
            "Decrypt" => self.decrypt(),
            "ReEncrypt" => self.re_encrypt(),
            "DescribeKey" => self.describe(),
            "GetKeyRotationStatus" => self.rotation_status(),
            "ListKeyRotations" => self.rotations(),
            "RotateKeyOnDemand" => self.rotate(),
            _ => fault("UnknownOperationException", ""),
        }
    }

    fn generate(&mut self, name: &str, with_plaintext: bool) -> Result<Value, Fault> {
        if self.text("KeySpec") != Some("AES_256") {
            return fault("ValidationException", "KeySpec must be AES_256");
        }
        let context = self.context("EncryptionContext");
        let key = self.usable("KeyId", name)?;
        let plaintext = random::<32>();
        let blob = key.seal(&plaintext, &context);
        let (arn, material) = (key.arn(), key.current().id.clone());
        self.dry_run()?;
        let mut reply = json!({ "KeyId": arn, "KeyMaterialId": material, "CiphertextBlob": self.handed_out(blob) });
        if with_plaintext {
            reply["Plaintext"] = BASE64.encode(plaintext).into();
        }
        Ok(reply)
    }

    fn encrypt(&mut self) -> Result<Value, Fault> {
        let plaintext = self.bytes("Plaintext", 4096)?;
        let context = self.context("EncryptionContext");
        let key = self.usable("KeyId", "Encrypt")?;
        let (arn, blob) = (key.arn(), key.seal(&plaintext, &context));
        self.dry_run()?;
        Ok(json!({
            "KeyId": arn, "EncryptionAlgorithm": "SYMMETRIC_DEFAULT", "CiphertextBlob": self.handed_out(blob)
        }))
    }

    fn decrypt(&mut self) -> Result<Value, Fault> {
        let blob = self.bytes("CiphertextBlob", 6144)?;
        let context = self.context("EncryptionContext");
        self.default_key("KeyId", &blob);
        let key = self.usable("KeyId", "Decrypt")?;
        let arn = key.arn();
        let (plaintext, material) = opened(key, &blob, &context)?;
        self.dry_run()?;
        Ok(json!({
            "KeyId": arn, "KeyMaterialId": material, "Plaintext": BASE64.encode(plaintext),
            "EncryptionAlgorithm": "SYMMETRIC_DEFAULT"
        }))
    }

    fn re_encrypt(&mut self) -> Result<Value, Fault> {
        let blob = self.bytes("CiphertextBlob", 6144)?;
        let (from, to) = (self.context("SourceEncryptionContext"), self.context("DestinationEncryptionContext"));
        self.default_key("SourceKeyId", &blob);
        let source = self.usable("SourceKeyId", "ReEncryptFrom")?;
        let source_arn = source.arn();
        let (plaintext, _) = opened(source, &blob, &from)?;
        let destination = self.usable("DestinationKeyId", "ReEncryptTo")?;
        let (arn, blob, material) =
            (destination.arn(), destination.seal(&plaintext, &to), destination.current().id.clone());
        self.dry_run()?;
        Ok(json!({
            "KeyId": arn, "SourceKeyId": source_arn, "CiphertextBlob": self.handed_out(blob),
            "SourceEncryptionAlgorithm": "SYMMETRIC_DEFAULT", "DestinationEncryptionAlgorithm": "SYMMETRIC_DEFAULT",
            "DestinationKeyMaterialId": material
        }))
    }

    fn describe(&mut self) -> Result<Value, Fault> {
        let key = self.permitted("KeyId", "DescribeKey")?;
        let (state, deletion) = match key.state {
            State::Enabled => ("Enabled", None),
            State::Disabled => ("Disabled", None),
            State::Unavailable => ("Unavailable", None),
            State::PendingDeletion(at) => ("PendingDeletion", Some(at)),
        };
        let mut metadata = json!({
            "AWSAccountId": ACCOUNT, "KeyId": key.id, "Arn": key.arn(), "CreationDate": key.created_at,
            "Enabled": state == "Enabled", "Description": "", "KeyUsage": key.usage, "KeyState": state,
            "Origin": "AWS_KMS", "KeyManager": "CUSTOMER", "KeySpec": key.spec,
            "CustomerMasterKeySpec": key.spec, "MultiRegion": false, "CurrentKeyMaterialId": key.current().id,
        });
        if let Some(at) = deletion {
            metadata["DeletionDate"] = at.into();
        }
        Ok(json!({ "KeyMetadata": metadata }))
    }

    fn rotation_status(&mut self) -> Result<Value, Fault> {
        let key = self.permitted("KeyId", "GetKeyRotationStatus")?;
        Ok(json!({ "KeyId": key.arn(), "KeyRotationEnabled": false }))
    }

    fn rotations(&mut self) -> Result<Value, Fault> {
        let all = self.text("IncludeKeyMaterial") == Some("ALL_KEY_MATERIAL");
        let key = self.permitted("KeyId", "ListKeyRotations")?;
        let arn = key.arn();
        let rotations: Vec<Value> = key
            .versions
            .iter()
            .enumerate()
            .rev()
            .filter(|(number, _)| all || *number > 0)
            .map(|(number, version)| {
                let state = if number + 1 == key.versions.len() { "CURRENT" } else { "NON_CURRENT" };
                let mut entry = json!({ "KeyId": arn, "KeyMaterialId": version.id, "KeyMaterialState": state });
                if number > 0 {
                    entry["RotationDate"] = version.made_at.into();
                    entry["RotationType"] = "ON_DEMAND".into();
                }
                entry
            })
            .collect();
        Ok(json!({ "Rotations": rotations, "Truncated": false }))
    }

    fn rotate(&mut self) -> Result<Value, Fault> {
        const MOST: usize = 10;
        let key = self.usable("KeyId", "RotateKeyOnDemand")?;
        if key.versions.len() > MOST {
            return fault("LimitExceededException", format!("{} has been rotated {MOST} times", key.arn()));
        }
        key.rotate();
        Ok(json!({ "KeyId": key.arn() }))
    }

    /// The key that an argument names, if the caller may do this with it.
    fn permitted(&mut self, argument: &str, action: &str) -> Result<&mut Key, Fault> {
        let name = self.text(argument).unwrap_or_default().to_owned();
        let denied = self.faults.denied.contains(action);
        let caller = self.caller.clone();
        let Some(key) = self.vault.find(&name) else {
            return fault("NotFoundException", format!("Key '{name}' does not exist"));
        };
        if denied {
            let arn = key.arn();
            return fault(
                "AccessDeniedException",
                format!(
                    "User: {caller} is not authorized to perform: kms:{action} on resource: {arn} because no identity-based policy allows the kms:{action} action"
                ),
            );
        }
        Ok(key)
    }

    /// And if the key is in a state to do it.
    fn usable(&mut self, argument: &str, action: &str) -> Result<&mut Key, Fault> {
        let key = self.permitted(argument, action)?;
        let arn = key.arn();
        if key.usage != "ENCRYPT_DECRYPT" || key.spec != "SYMMETRIC_DEFAULT" {
            return fault("InvalidKeyUsageException", format!("{arn} key usage is {}", key.usage));
        }
        match key.state {
            State::Enabled => Ok(key),
            State::Disabled => fault("DisabledException", format!("{arn} is disabled.")),
            State::PendingDeletion(_) => fault("KMSInvalidStateException", format!("{arn} is pending deletion.")),
            State::Unavailable => fault("KMSInvalidStateException", format!("{arn} is unavailable.")),
        }
    }

    /// Symmetric ciphertexts name their key themselves.
    fn default_key(&mut self, argument: &str, blob: &[u8]) {
        if self.text(argument).is_none()
            && let Some(id) = Vault::id_of(blob)
        {
            self.arguments.insert(argument.to_owned(), id.into());
        }
    }

    fn dry_run(&self) -> Result<(), Fault> {
        match self.arguments.get("DryRun") {
            Some(Value::Bool(true)) if !self.faults.ignores_dry_run => {
                fault("DryRunOperationException", "The request would have succeeded, but the DryRun option is set.")
            }
            _ => Ok(()),
        }
    }

    fn handed_out(&self, mut blob: Vec<u8>) -> String {
        if self.faults.tampers
            && let Some(last) = blob.last_mut()
        {
            *last ^= 1;
        }
        BASE64.encode(blob)
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.arguments.get(name)?.as_str()
    }

    fn bytes(&self, name: &str, most: usize) -> Result<Vec<u8>, Fault> {
        let bytes = self.text(name).and_then(|text| BASE64.decode(text).ok()).unwrap_or_default();
        if bytes.is_empty() || bytes.len() > most {
            return fault(
                "ValidationException",
                format!(
                    "1 validation error detected: Value at '{name}' failed to satisfy constraint: length between 1 and {most}"
                ),
            );
        }
        Ok(bytes)
    }

    /// A context's canonical form.
    fn context(&self, name: &str) -> Vec<u8> {
        let pairs: BTreeMap<String, Value> =
            self.arguments.get(name).and_then(Value::as_object).cloned().unwrap_or_default().into_iter().collect();
        serde_json::to_vec(&pairs).unwrap()
    }
}

fn opened(key: &Key, blob: &[u8], context: &[u8]) -> Result<(Vec<u8>, String), Fault> {
    key.open(blob, context).or_else(|closed| match closed {
        Closed::Invalid => fault("InvalidCiphertextException", ""),
        Closed::Of(_) => fault(
            "IncorrectKeyException",
            "The key ID in the request does not identify a CMK that can perform this operation.",
        ),
    })
}
