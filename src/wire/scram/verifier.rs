//! What a server stores instead of a password: `SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>`.

use std::fmt;

use subtle::{Choice, ConstantTimeEq as _};
use zeroize::Zeroizing;

use super::{
    keys::{BadIterations, ClientKey, ClientKeys, Iterations, KEY, ServerKey, StoredKey, derive, hmac},
    message::{base64, unbase64},
};

/// Length in bytes of the salts that PostgreSQL makes (`SCRAM_DEFAULT_SALT_LEN`).
const SALT: usize = 16;

/// Why a stored secret is no verifier. Never holds any of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifierError {
    /// `md5` and 32 hexadecimal digits.
    #[error("this is an MD5 password, not a SCRAM verifier")]
    Md5,
    /// Nothing that PostgreSQL would store.
    #[error("this is not a SCRAM verifier: it does not begin with SCRAM-SHA-256$")]
    Plaintext,
    /// The beginning is right, the rest is not.
    #[error("this SCRAM verifier is damaged: {0}")]
    Damaged(&'static str),
    /// More than pgveil works with.
    #[error(transparent)]
    Iterations(#[from] BadIterations),
}

/// A verifier, or one that stands in for it and that nothing matches.
#[derive(Clone)]
pub struct Verifier {
    pub(super) iterations: Iterations,
    pub(super) salt: Vec<u8>,
    pub(super) stored: StoredKey,
    pub(super) server: ServerKey,
    mock: bool,
}

impl Verifier {
    /// Reads what PostgreSQL has in `pg_authid.rolpassword`.
    pub fn parse(text: &[u8]) -> Result<Self, VerifierError> {
        let damaged = VerifierError::Damaged;
        let Some(rest) = text.strip_prefix(b"SCRAM-SHA-256$") else {
            return Err(if is_md5(text) { VerifierError::Md5 } else { VerifierError::Plaintext });
        };
        let mut halves = rest.split(|&byte| byte == b'$');
        let (Some(public), Some(keys), None) = (halves.next(), halves.next(), halves.next()) else {
            return Err(damaged("it does not consist of three parts with $ between them"));
        };
        let (iterations, salt) = pair(public).ok_or(damaged("iterations and salt are not there"))?;
        let (stored, server) = pair(keys).ok_or(damaged("the two keys are not there"))?;
        let count = number(iterations).ok_or(damaged("the number of iterations is no number"))?;
        let salt =
            unbase64(salt).filter(|salt| !salt.is_empty()).ok_or(damaged("the salt is not in base64, or empty"))?;
        let key = |text| unbase64(text).map(Zeroizing::new).and_then(|bytes| <[u8; KEY]>::try_from(&**bytes).ok());
        Ok(Self {
            iterations: Iterations::new(count)?,
            salt,
            stored: StoredKey::new(key(stored).ok_or(damaged("StoredKey is not 32 bytes in base64"))?),
            server: ServerKey::new(key(server).ok_or(damaged("ServerKey is not 32 bytes in base64"))?),
            mock: false,
        })
    }

    /// The verifier of a role that has none: looks like one, is the same each time, and nothing matches
    /// it. `secret` is the process's own, so that nobody can tell its salts from real ones.
    pub fn mock(secret: &[u8; 32], role: &[u8]) -> Self {
        let part = |what: &[u8]| hmac(secret, &[what, role]);
        Self {
            iterations: Iterations::DEFAULT,
            salt: part(b"salt of ").iter().copied().take(SALT).collect(),
            stored: StoredKey::new(part(b"stored key of ")),
            server: ServerKey::new(part(b"server key of ")),
            mock: true,
        }
    }

    /// Is that the password? As slow as [`derive()`], also for a [`Self::mock`].
    pub fn matches_password(&self, password: &[u8]) -> bool {
        let salted = derive(password, &self.salt, self.iterations);
        // The server's key, as `scram_verify_plain_password` does it.
        (self.real() & Choice::from(u8::from(salted.server_key() == self.server))).into()
    }

    /// The key is the role's, if a proof was made with it.
    pub(super) fn accept(&self, client: ClientKey) -> Option<ClientKeys> {
        let right = Choice::from(u8::from(client.stored_key() == self.stored)) & self.real();
        bool::from(right).then(|| ClientKeys {
            client,
            server: self.server.clone(),
            salt: self.salt.clone(),
            iterations: self.iterations,
        })
    }

    /// Salt in base64, as it stands in messages.
    pub(super) fn salt_base64(&self) -> String {
        base64(&self.salt)
    }

    fn real(&self) -> Choice {
        u8::from(self.mock).ct_eq(&0)
    }
}

/// Says nothing of what it holds.
impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Verifier")
    }
}

/// `get_password_type` of crypt.c.
fn is_md5(text: &[u8]) -> bool {
    text.strip_prefix(b"md5").is_some_and(|hash| {
        hash.len() == 32 && hash.iter().all(|byte| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f'))
    })
}

/// Two parts with a colon between them.
fn pair(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut parts = text.split(|&byte| byte == b':');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(one), Some(other), None) => Some((one, other)),
        _ => None,
    }
}

/// A number without sign or space. One that is too large for the type is the largest.
pub(super) fn number(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u32, |number, &digit| {
        digit.is_ascii_digit().then(|| number.saturating_mul(10).saturating_add(u32::from(digit - b'0')))
    })
}
