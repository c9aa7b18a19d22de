//! AWS KMS: a symmetric key behind AWS's own SDK.
//!
//! The SDK does the wire, the signatures and the credential sources; retries, deadlines and the breaker are
//! [`super::guarded`]'s. What wraps is always the key's ARN: names that its owner can move are resolved when it is opened.
//! Every wrap is bound to its context as AWS's encryption context, which AWS writes to CloudTrail in clear.
//!
//! Key bytes pass through buffers of the SDK and of hyper (requests, answers, base64) which nobody can
//! wipe; what comes out of them is held in zeroised memory and never printed.

mod classify;
mod connect;
mod credentials;
mod declared;
mod failed;
mod key;
mod name;
mod permissions;
mod pin;
mod principal;

use std::collections::HashMap;

use aws_sdk_kms::{primitives::Blob, types::DataKeySpec};
use connect::Connection;
pub use declared::PROVIDER;
use name::KeyName;
use zeroize::Zeroize as _;

use super::{
    Capabilities, Description, Generated, KeyBytes, KeyVersion, Kms, KmsError, KmsErrorKind, KmsFuture, Opening,
    Permission, Principal, WrapContext, Wrapped,
};

const ALGORITHM: &str = "aws-kms-symmetric-default";
/// AWS's limit on a ciphertext; a longer one was altered.
const MAX_CIPHERTEXT: usize = 6144;

/// A key in AWS KMS.
pub struct Aws {
    connection: Connection,
    /// The key's ARN.
    arn: String,
    /// What the policy calls it, if that is an alias.
    alias: Option<KeyName>,
}

impl Aws {
    /// For the key that the policy names, or for the pinned one if the policy allows it ([`pin`]). Asks KMS only to
    /// resolve a name that is no ARN.
    pub(super) async fn open(opening: Opening<'_>) -> Result<Self, KmsError> {
        let misconfigured = |message: String| KmsError::new(opening.name, KmsErrorKind::Misconfigured, message);
        let written = opening.settings.text("key").unwrap_or_default();
        let named = KeyName::parse(written).map_err(|error| misconfigured(format!("`{written}`: {error}")))?;
        // Where the policy's key is, never where a row says.
        let connection = Connection::open(opening.name, opening.settings, named.region()).await?;
        let mut arn = if named.is_pinned() { written.to_owned() } else { connection.resolve_in_time(written).await? };
        if let Some(row) = opening.pin {
            arn = pin::allowed(opening.name, &named, &arn, &row.key_ref).map_err(misconfigured)?;
        }
        Ok(Self { connection, arn, alias: named.is_alias().then_some(named) })
    }

    async fn wrap(&self, key: &[u8; 32], context: &WrapContext) -> Result<Wrapped, KmsError> {
        let call = self.connection.kms.encrypt().key_id(&self.arn).plaintext(Blob::new(key.as_slice()));
        let reply = match call.set_encryption_context(Some(pairs(context))).send().await {
            Ok(reply) => reply,
            Err(error) => return Err(self.failed("kms:Encrypt", &error).await),
        };
        let request_id = connect::request_id(&reply);
        self.is_own(reply.key_id(), request_id.as_ref())?;
        self.wrapped(reply.ciphertext_blob, None, request_id)
    }

    async fn unwrap(&self, wrapped: &Wrapped, context: &WrapContext) -> Result<KeyBytes, KmsError> {
        self.is_ours(wrapped)?;
        let call = self.connection.kms.decrypt().key_id(&self.arn).ciphertext_blob(Blob::new(wrapped.blob.as_slice()));
        let reply = match call.set_encryption_context(Some(pairs(context))).send().await {
            Ok(reply) => reply,
            Err(error) => return Err(self.failed("kms:Decrypt", &error).await),
        };
        let request_id = connect::request_id(&reply);
        self.is_own(reply.key_id(), request_id.as_ref())?;
        self.data_key(reply.plaintext, request_id)
    }

    async fn generate(&self, context: &WrapContext, with_plaintext: bool) -> Result<Generated, KmsError> {
        let (kms, spec, pairs) = (&self.connection.kms, DataKeySpec::Aes256, Some(pairs(context)));
        if !with_plaintext {
            let call = kms.generate_data_key_without_plaintext().key_id(&self.arn).key_spec(spec);
            let reply = match call.set_encryption_context(pairs).send().await {
                Ok(reply) => reply,
                Err(error) => return Err(self.failed("kms:GenerateDataKeyWithoutPlaintext", &error).await),
            };
            let request_id = connect::request_id(&reply);
            self.is_own(reply.key_id(), request_id.as_ref())?;
            let wrapped = self.wrapped(reply.ciphertext_blob, reply.key_material_id, request_id)?;
            return Ok(Generated { plaintext: None, wrapped });
        }
        let call = kms.generate_data_key().key_id(&self.arn).key_spec(spec);
        let reply = match call.set_encryption_context(pairs).send().await {
            Ok(reply) => reply,
            Err(error) => return Err(self.failed("kms:GenerateDataKey", &error).await),
        };
        let request_id = connect::request_id(&reply);
        let plaintext = self.data_key(reply.plaintext, request_id.clone())?;
        // Not `is_own`'s reply: its plaintext has been taken out above, to be wiped in any case.
        self.is_own(reply.key_id.as_deref(), request_id.as_ref())?;
        let wrapped = self.wrapped(reply.ciphertext_blob, reply.key_material_id, request_id)?;
        Ok(Generated { plaintext: Some(plaintext), wrapped })
    }

    /// Between keys of one region inside KMS; None where that cannot or may not be.
    async fn re_encrypt(
        &self,
        from: &dyn Kms,
        wrapped: &Wrapped,
        from_context: &WrapContext,
        to_context: &WrapContext,
    ) -> Result<Option<Wrapped>, KmsError> {
        let source = from.key_ref();
        let region = |arn: &str| KeyName::parse(arn).ok().and_then(|name| name.region().map(str::to_owned));
        if from.kind() != PROVIDER.declaration.kind || region(&source) != region(&self.arn) {
            return Ok(None);
        }
        self.is_ours(wrapped)?;
        let call = self.connection.kms.re_encrypt().ciphertext_blob(Blob::new(wrapped.blob.as_slice()));
        let call = call.source_key_id(&source).set_source_encryption_context(Some(pairs(from_context)));
        let call = call.destination_key_id(&self.arn).set_destination_encryption_context(Some(pairs(to_context)));
        let reply = match call.send().await {
            Ok(reply) => reply,
            Err(error) => {
                let error = self.failed("kms:ReEncrypt", &error).await;
                // Each key may answer to another login, or lie behind another endpoint.
                let elsewhere = [KmsErrorKind::Denied, KmsErrorKind::NotFound, KmsErrorKind::Misconfigured];
                return if elsewhere.contains(&error.kind) { Ok(None) } else { Err(error) };
            }
        };
        let request_id = connect::request_id(&reply);
        self.is_own(reply.key_id(), request_id.as_ref())?;
        self.wrapped(reply.ciphertext_blob, reply.destination_key_material_id, request_id).map(Some)
    }

    /// What AWS wrapped, unless it wrapped nothing.
    fn wrapped(
        &self,
        blob: Option<Blob>,
        provider_version: Option<String>,
        request_id: Option<String>,
    ) -> Result<Wrapped, KmsError> {
        let Some(blob) = blob else { return Err(self.odd("no ciphertext", request_id)) };
        Ok(Wrapped { blob: blob.into_inner(), algorithm: ALGORITHM.to_owned(), provider_version, request_id })
    }

    /// The plaintext of a data key; the SDK's copy is wiped.
    fn data_key(&self, plaintext: Option<Blob>, request_id: Option<String>) -> Result<KeyBytes, KmsError> {
        let mut bytes = plaintext.map(Blob::into_inner).unwrap_or_default();
        let key = KeyBytes::copied(&bytes);
        bytes.zeroize();
        key.ok_or_else(|| self.odd("no data key of 32 bytes", request_id))
    }

    /// Was it this key that answered? An endpoint that mixes keys up must not be believed.
    fn is_own(&self, key_id: Option<&str>, request_id: Option<&String>) -> Result<(), KmsError> {
        match key_id {
            Some(id) if id == self.arn => Ok(()),
            _ => Err(self.odd("the name of another key", request_id.cloned())),
        }
    }

    /// Was it wrapped by a provider like this one?
    fn is_ours(&self, wrapped: &Wrapped) -> Result<(), KmsError> {
        if wrapped.algorithm == ALGORITHM && (1..=MAX_CIPHERTEXT).contains(&wrapped.blob.len()) {
            return Ok(());
        }
        let message = format!("this was not wrapped by AWS KMS (algorithm `{}`)", wrapped.algorithm);
        Err(KmsError::new(&self.connection.name, KmsErrorKind::Integrity, message))
    }

    fn odd(&self, what: &str, request_id: Option<String>) -> KmsError {
        let message = format!("{} was answered with {what}; is `endpoint` AWS KMS?", self.arn);
        KmsError::new(&self.connection.name, KmsErrorKind::Integrity, message).of_request(request_id)
    }
}

/// The context as AWS takes it.
fn pairs(context: &WrapContext) -> HashMap<String, String> {
    context.0.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

impl Kms for Aws {
    fn kind(&self) -> &'static str {
        PROVIDER.declaration.kind
    }

    fn key_ref(&self) -> String {
        self.arn.clone()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            generates: true,
            generates_sealed: true,
            binds_context: true,
            rewraps: true,
            has_versions: false,
            rotates_in_place: true,
            max_plaintext: 4096,
            exportable: false,
            remote: true,
        }
    }

    fn wrap<'a>(&'a self, key: &'a [u8; 32], context: &'a WrapContext) -> KmsFuture<'a, Wrapped> {
        Box::pin(self.wrap(key, context))
    }

    fn unwrap<'a>(&'a self, wrapped: &'a Wrapped, context: &'a WrapContext) -> KmsFuture<'a, KeyBytes> {
        Box::pin(self.unwrap(wrapped, context))
    }

    fn generate<'a>(&'a self, context: &'a WrapContext, with_plaintext: bool) -> KmsFuture<'a, Generated> {
        Box::pin(self.generate(context, with_plaintext))
    }

    fn rewrap<'a>(
        &'a self,
        from: &'a dyn Kms,
        wrapped: &'a Wrapped,
        from_context: &'a WrapContext,
        to_context: &'a WrapContext,
    ) -> KmsFuture<'a, Wrapped> {
        Box::pin(async move {
            if let Some(moved) = self.re_encrypt(from, wrapped, from_context, to_context).await? {
                return Ok(moved);
            }
            let key = from.unwrap(wrapped, from_context).await?;
            self.wrap(key.expose(), to_context).await
        })
    }

    fn describe(&self) -> KmsFuture<'_, Description> {
        Box::pin(self.describe())
    }

    fn versions(&self) -> KmsFuture<'_, Vec<KeyVersion>> {
        Box::pin(self.versions())
    }

    fn rotate(&self) -> KmsFuture<'_, String> {
        Box::pin(self.rotate())
    }

    fn principal(&self) -> KmsFuture<'_, Principal> {
        Box::pin(self.principal())
    }

    fn refresh_credential(&self) -> KmsFuture<'_, ()> {
        Box::pin(self.connection.renew())
    }

    fn permissions(&self) -> KmsFuture<'_, Vec<Permission>> {
        Box::pin(self.permissions())
    }
}
