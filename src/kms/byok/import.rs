//! Taking over a customer's key material.

use super::{
    super::{Directory, KmsError, KmsErrorKind, Material, WrapContext},
    declared::{PROVIDER, UNDER},
    material::{MaterialError, RawKey},
};

/// Material that was imported: what the keystore has to keep of it.
#[derive(Clone, Debug)]
pub struct Imported {
    /// The material, wrapped.
    pub material: Material,
    /// Its fingerprint, 32 hexadecimal digits: the KEK's `key_ref`. Equal material has equal ones.
    pub fingerprint: String,
}

/// Why material was not imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// It is not a key.
    #[error(transparent)]
    Material(#[from] MaterialError),
    /// The service that should wrap it failed.
    #[error(transparent)]
    Kms(#[from] KmsError),
}

impl ImportError {
    /// A stable code with an anchor in docs/errors.md.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Material(error) => error.code(),
            Self::Kms(error) => error.kind.code(),
        }
    }

    /// What to do about it; a KMS error says it in its own message.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Material(error) => Some(error.hint()),
            Self::Kms(_) => None,
        }
    }
}

/// What the material of a KEK is bound to when it is wrapped: the keystore's id and the fingerprint.
pub fn context(keystore: &str, fingerprint: &str) -> WrapContext {
    WrapContext(vec![
        ("keystore", keystore.to_owned()),
        ("purpose", "byok-material".to_owned()),
        ("fingerprint", fingerprint.to_owned()),
    ])
}

/// Checks material as [`super::read`] gave it and wraps it for a keystore, as the policy's kms `name`
/// (of kind `byok`) says.
pub async fn import(directory: &Directory, name: &str, keystore: &str, text: &[u8]) -> Result<Imported, ImportError> {
    let material = RawKey::parse(text)?;
    let config = directory.config(name)?;
    let Some(under) = config.settings.other(UNDER).filter(|_| config.kind == PROVIDER.declaration.kind) else {
        let message = format!("keys can be imported into a kms of kind `byok`; this one is of kind `{}`", config.kind);
        return Err(KmsError::new(name, KmsErrorKind::Misconfigured, message).into());
    };
    let above = directory.open(under).await?;
    let fingerprint = material.fingerprint();
    let context = context(keystore, &fingerprint);
    let wrapped = above.wrap(material.expose(), &context).await?;
    // The customer may destroy the original: what is kept must open.
    let back = above.unwrap(&wrapped, &context).await?;
    if !material.is(&back) {
        let message = "the imported key came back changed from wrapping and unwrapping";
        return Err(KmsError::new(name, KmsErrorKind::Integrity, message).into());
    }
    let material = Material { kms: under.to_owned(), key_ref: above.key_ref(), wrapped, context };
    Ok(Imported { material, fingerprint })
}
