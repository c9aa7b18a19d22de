//! Each permission that pgveil needs, tried on the key: with `DryRun`, which AWS answers with an error of
//! its own if the call would have worked. Emulators do the work instead; then what they give is dropped.

use std::{collections::HashMap, error::Error};

use aws_sdk_kms::{
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
    primitives::Blob,
    types::DataKeySpec,
};

use super::{
    Aws,
    classify::{DRY_RUN, Failure},
};
use crate::kms::{KmsError, KmsErrorKind, Permission};

/// Not a key: what is sealed only to be opened again.
const SAMPLE: &[u8] = b"pgveil permission probe";

impl Aws {
    pub(super) async fn permissions(&self) -> Result<Vec<Permission>, KmsError> {
        let (kms, arn) = (&self.connection.kms, self.arn.as_str());
        let context = || Some(HashMap::from([("purpose".to_owned(), "probe".to_owned())]));
        let sample = || Blob::new(SAMPLE);

        let describe = self.outcome("kms:DescribeKey", kms.describe_key().key_id(arn).send().await).await;
        let encrypt = kms.encrypt().key_id(arn).plaintext(sample()).set_encryption_context(context()).dry_run(true);
        let encrypt = self.outcome("kms:Encrypt", encrypt.send().await).await;
        let call = kms.generate_data_key().key_id(arn).key_spec(DataKeySpec::Aes256);
        let call = call.set_encryption_context(context()).dry_run(true);
        let generate = self.outcome("kms:GenerateDataKey", call.send().await).await;
        let call = kms.generate_data_key_without_plaintext().key_id(arn).key_spec(DataKeySpec::Aes256);
        let call = call.set_encryption_context(context()).dry_run(true);
        let sealed = self.outcome("kms:GenerateDataKeyWithoutPlaintext", call.send().await).await;

        // Opening needs something to open. Without a right to seal, AWS sees whether one may open before it
        // sees that this is nothing of its own.
        let real = kms.encrypt().key_id(arn).plaintext(sample()).set_encryption_context(context()).send().await;
        let blob = real.ok().and_then(|reply| reply.ciphertext_blob);
        let is_sample = blob.is_some();
        let blob = blob.unwrap_or_else(sample);
        let call = kms.decrypt().key_id(arn).ciphertext_blob(blob.clone());
        let call = call.set_encryption_context(context()).dry_run(true);
        let decrypt = opened(self.outcome("kms:Decrypt", call.send().await).await, is_sample);
        let call = kms.re_encrypt().ciphertext_blob(blob).source_key_id(arn).destination_key_id(arn);
        let call = call.set_source_encryption_context(context()).set_destination_encryption_context(context());
        let rewrap = opened(self.outcome("kms:ReEncrypt", call.dry_run(true).send().await).await, is_sample);
        // One call, two permissions; the refusal names the one that is missing.
        let (from, to) = match &rewrap {
            Err(error) if error.message.contains("ReEncryptTo") => (Ok(()), rewrap),
            Err(error) if error.message.contains("ReEncryptFrom") => (rewrap, Ok(())),
            _ => (rewrap.clone(), rewrap),
        };

        let status = kms.get_key_rotation_status().key_id(arn).send().await;
        let status = self.outcome("kms:GetKeyRotationStatus", status).await;
        let rotations = kms.list_key_rotations().key_id(arn).send().await;
        let rotations = self.outcome("kms:ListKeyRotations", rotations).await;

        let probe = |required, name, purpose, outcome| Permission { name, purpose, required, outcome };
        let needed = |name, purpose, outcome| probe(true, name, purpose, outcome);
        let useful = |name, purpose, outcome| probe(false, name, purpose, outcome);
        Ok(vec![
            needed("kms:DescribeKey", "see the key's state, resolve aliases", describe),
            needed("kms:Encrypt", "wrap keys that come from elsewhere", encrypt),
            needed("kms:Decrypt", "unwrap data keys", decrypt),
            needed("kms:GenerateDataKey", "make data keys", generate),
            needed("kms:GenerateDataKeyWithoutPlaintext", "make data keys unseen", sealed),
            needed("kms:ReEncryptFrom", "re-wrap data keys under another key", from),
            needed("kms:ReEncryptTo", "re-wrap data keys under this key", to),
            useful("kms:GetKeyRotationStatus", "show whether AWS rotates the key", status),
            useful("kms:ListKeyRotations", "list the key's versions", rotations),
        ])
    }

    async fn outcome<T, E>(&self, action: &str, reply: Result<T, SdkError<E, HttpResponse>>) -> Result<(), KmsError>
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        let Err(error) = reply else { return Ok(()) };
        let failure = Failure::of(&error);
        // Who does not know an operation cannot refuse it.
        if failure.is(DRY_RUN) || failure.is_not_implemented() {
            return Ok(());
        }
        Err(self.failed(action, &error).await)
    }
}

/// What was sealed by nobody does not open for those who may.
fn opened(outcome: Result<(), KmsError>, is_sample: bool) -> Result<(), KmsError> {
    outcome.or_else(|error| if !is_sample && error.kind == KmsErrorKind::Integrity { Ok(()) } else { Err(error) })
}
