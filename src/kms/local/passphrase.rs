//! The optional passphrase of a keyring, and Argon2id.

use argon2::{Algorithm, Argon2, Block, Params, Version};
use aws_lc_rs::aead::LessSafeKey;
use zeroize::{Zeroize, Zeroizing};

use super::{super::aead, error::KeyringError};
use crate::config::Secret;

/// Argon2id parameters. Kept in the file, so that the defaults can grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cost {
    pub(super) m_kib: u32,
    pub(super) t: u32,
    pub(super) p: u32,
}

impl Cost {
    /// RFC 9106, section 4, second recommended option (64 MiB), with one lane since ours run one
    /// after the other: about 0.1 s, once per start.
    pub(super) const DEFAULT: Self = Self { m_kib: 64 * 1024, t: 3, p: 1 };

    /// A file may not ask for more than 1 GiB: whoever can alter it must not stop the host with it.
    pub(super) fn is_sane(self) -> bool {
        (8..=1024 * 1024).contains(&self.m_kib) && (1..=64).contains(&self.t) && (1..=16).contains(&self.p)
    }
}

/// Reads the passphrase from where the policy says it is.
pub(super) fn read(secret: &Secret) -> Result<Zeroizing<String>, KeyringError> {
    let passphrase = secret.resolve().map_err(|e| KeyringError::Passphrase(e.to_string()))?;
    // An inline one is not looked at by `resolve`.
    if passphrase.is_empty() { Err(KeyringError::Passphrase("it is empty".to_owned())) } else { Ok(passphrase) }
}

/// The key that seals the keyring's keys. Takes a tenth of a second: never on an I/O thread.
pub(super) fn stretch(passphrase: &str, salt: &[u8], cost: Cost) -> Result<LessSafeKey, KeyringError> {
    const REFUSED: KeyringError = KeyringError::Internal("Argon2id refused its parameters");
    let params = Params::new(cost.m_kib, cost.t, cost.p, Some(32)).map_err(|_| REFUSED)?;
    let mut memory = vec![Block::default(); params.block_count()];
    let mut key = Zeroizing::new([0; 32]);
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let outcome =
        argon2.hash_password_into_with_memory(passphrase.as_bytes(), salt, key.as_mut_slice(), memory.as_mut_slice());
    memory.iter_mut().for_each(Zeroize::zeroize);
    outcome.map_err(|_| REFUSED)?;
    Ok(aead::expand(key.as_slice())?)
}
