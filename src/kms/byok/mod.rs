//! `byok`: a KEK whose material a customer made and handed over, kept in the keystore under another KMS.
//!
//! The material is unwrapped once, when the KEK is opened, and again with every canary: whoever takes the
//! other KMS's key away takes this one away too. It cannot be read out of pgveil.

mod declared;
mod import;
mod material;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use aws_lc_rs::aead::LessSafeKey;

use self::material::RawKey;
pub use self::{
    declared::PROVIDER,
    import::{ImportError, Imported, context, import},
    material::{MaterialError, read},
};
use super::{
    Capabilities, Description, KeyBytes, KeyVersion, Kms, KmsError, KmsErrorKind, KmsFuture, Material, Permission,
    Principal, WrapContext, Wrapped, aead,
};

const ALGORITHM: &str = "byok-aes-256-gcm";
/// First byte of a wrapped key.
const BLOB_VERSION: u8 = 1;

/// An imported KEK.
pub(super) struct Byok {
    /// The policy's name for it.
    name: String,
    fingerprint: String,
    material: Material,
    /// The service that wraps the material.
    under: Arc<dyn Kms>,
    /// None once `under` has been seen to refuse the material.
    key: ArcSwapOption<LessSafeKey>,
}

opaque!(Byok);

impl Byok {
    /// Unwraps material of a KEK whose fingerprint the keystore knows.
    pub(super) async fn open(
        name: &str,
        fingerprint: &str,
        material: Material,
        under: Arc<dyn Kms>,
    ) -> Result<Self, KmsError> {
        let (name, fingerprint) = (name.to_owned(), fingerprint.to_owned());
        let byok = Self { name, fingerprint, material, under, key: ArcSwapOption::empty() };
        byok.unwrap_material().await?;
        Ok(byok)
    }

    fn error(&self, kind: KmsErrorKind, message: impl Into<String>) -> KmsError {
        KmsError::new(&self.name, kind, message)
    }

    fn aead_error(&self, error: aead::AeadError) -> KmsError {
        self.error(KmsErrorKind::Unavailable, error.to_string())
    }

    /// Says whose refusal it is: the one that can be undone is at the other service.
    fn because_of_under(&self, error: KmsError) -> KmsError {
        let message = format!("its material is wrapped by kms `{}`: {}", error.provider, error.message);
        KmsError { provider: self.name.clone(), message, ..error }
    }

    /// Asks the other service for the material. If it is not to be had any more, what is in memory goes
    /// too; an outage leaves it, as the failure policy is about that.
    async fn unwrap_material(&self) -> Result<Arc<LessSafeKey>, KmsError> {
        let fresh = async {
            let material = self.under.unwrap(&self.material.wrapped, &self.material.context).await;
            let material = RawKey::of(material.map_err(|e| self.because_of_under(e))?);
            if material.fingerprint() != self.fingerprint {
                let message = "the keystore holds other material than was imported: its fingerprint differs";
                return Err(self.error(KmsErrorKind::Integrity, message));
            }
            aead::expand(material.expose()).map(Arc::new).map_err(|e| self.aead_error(e))
        };
        let outcome = fresh.await;
        match &outcome {
            Ok(key) => self.key.store(Some(key.clone())),
            Err(error) if error.kind.is_retryable() => {}
            Err(_) => self.key.store(None),
        }
        outcome
    }

    async fn key(&self) -> Result<Arc<LessSafeKey>, KmsError> {
        match self.key.load_full() {
            Some(key) => Ok(key),
            None => self.unwrap_material().await,
        }
    }

    async fn wrap(&self, key: &[u8; 32], context: &WrapContext) -> Result<Wrapped, KmsError> {
        let kek = self.key().await?;
        let sealed = aead::seal(&kek, &context.canonical(), key).map_err(|e| self.aead_error(e))?;
        let blob = [&[BLOB_VERSION], sealed.as_slice()].concat();
        Ok(Wrapped { blob, algorithm: ALGORITHM.to_owned(), provider_version: None, request_id: None })
    }

    async fn unwrap(&self, wrapped: &Wrapped, context: &WrapContext) -> Result<KeyBytes, KmsError> {
        let kek = if context.is_probe() { self.unwrap_material().await? } else { self.key().await? };
        let sealed = match wrapped.blob.split_first() {
            Some((&BLOB_VERSION, sealed)) if wrapped.algorithm == ALGORITHM => sealed,
            _ => return Err(self.error(KmsErrorKind::Integrity, "not a key wrapped by imported material")),
        };
        aead::open(&kek, &context.canonical(), sealed).ok_or_else(|| {
            let message =
                "a wrapped key did not authenticate: it was altered, or made for another purpose than it is used for";
            self.error(KmsErrorKind::Integrity, message)
        })
    }

    /// As good as the key that wraps the material.
    async fn describe(&self) -> Result<Description, KmsError> {
        let under = self.under.describe().await.map_err(|e| self.because_of_under(e))?;
        let facts = vec![
            ("origin", "imported".to_owned()),
            ("material under", self.material.kms.clone()),
            ("its key", under.key_ref),
        ];
        Ok(Description { key_ref: self.fingerprint.clone(), condition: under.condition, created_at: None, facts })
    }

    async fn permissions(&self) -> Result<Vec<Permission>, KmsError> {
        let mut permissions = self.under.permissions().await.map_err(|e| self.because_of_under(e))?;
        permissions.push(Permission {
            name: "unwrap the material",
            purpose: "to open what the imported key has wrapped",
            required: true,
            outcome: self.unwrap_material().await.map(drop),
        });
        Ok(permissions)
    }
}

impl Kms for Byok {
    fn kind(&self) -> &'static str {
        "byok"
    }

    fn key_ref(&self) -> String {
        self.fingerprint.clone()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            generates: false,
            generates_sealed: false,
            binds_context: true,
            rewraps: false,
            has_versions: false,
            rotates_in_place: false,
            max_plaintext: 32,
            exportable: false,
            remote: false,
        }
    }

    fn wrap<'a>(&'a self, key: &'a [u8; 32], context: &'a WrapContext) -> KmsFuture<'a, Wrapped> {
        Box::pin(self.wrap(key, context))
    }

    fn unwrap<'a>(&'a self, wrapped: &'a Wrapped, context: &'a WrapContext) -> KmsFuture<'a, KeyBytes> {
        Box::pin(self.unwrap(wrapped, context))
    }

    fn describe(&self) -> KmsFuture<'_, Description> {
        Box::pin(self.describe())
    }

    fn versions(&self) -> KmsFuture<'_, Vec<KeyVersion>> {
        let version = KeyVersion { id: self.fingerprint.clone(), created_at: None, is_primary: true };
        Box::pin(async { Ok(vec![version]) })
    }

    fn rotate(&self) -> KmsFuture<'_, String> {
        let message = format!(
            "imported material cannot be rotated by pgveil; import the next key: pgveil keys import --kms {}",
            self.name
        );
        let error = self.error(KmsErrorKind::Misconfigured, message);
        Box::pin(async { Err(error) })
    }

    fn principal(&self) -> KmsFuture<'_, Principal> {
        Box::pin(async move { self.under.principal().await.map_err(|e| self.because_of_under(e)) })
    }

    fn permissions(&self) -> KmsFuture<'_, Vec<Permission>> {
        Box::pin(self.permissions())
    }
}
