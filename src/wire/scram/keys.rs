//! What is derived from a password (RFC 5802, section 3). Nothing here shows what it holds.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::prep::prepared;

/// Length of every key in bytes.
pub const KEY: usize = 32;

/// How often the password is hashed: 1 to [`Iterations::MAX`]. The bound keeps a peer or a stored
/// verifier from keeping a processor busy for minutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Iterations(u32);

/// A number of iterations that pgveil does not work with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} iterations of SCRAM: pgveil takes from 1 to {max}", max = Iterations::MAX)]
pub struct BadIterations(pub u32);

impl Iterations {
    /// The most that is taken: about a second's work.
    pub const MAX: u32 = 1_000_000;
    /// PostgreSQL's default (`SCRAM_SHA_256_DEFAULT_ITERATIONS`).
    pub const DEFAULT: Self = Self(4096);

    /// Checks the bounds.
    pub fn new(count: u32) -> Result<Self, BadIterations> {
        if (1..=Self::MAX).contains(&count) { Ok(Self(count)) } else { Err(BadIterations(count)) }
    }

    /// The number.
    pub fn get(self) -> u32 {
        self.0
    }
}

macro_rules! key {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Zeroize, ZeroizeOnDrop)]
        pub struct $name([u8; KEY]);

        impl $name {
            /// Of its bytes.
            pub fn new(bytes: [u8; KEY]) -> Self {
                Self(bytes)
            }
        }

        /// Compares in constant time.
        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.0.ct_eq(&other.0).into()
            }
        }

        impl Eq for $name {}

        unprinted!($name);
    };
}

key! {
    /// The password, hashed with the salt. All other keys follow from it.
    SaltedPassword
}
key! {
    /// Who has it can log in: it masks the proof.
    ClientKey
}
key! {
    /// Hash of the [`ClientKey`]; what a server needs to check a proof.
    StoredKey
}
key! {
    /// What a server proves with that it has the verifier.
    ServerKey
}

/// Hashes a password, given as the user has typed it. This is slow by intent (milliseconds, and up to a
/// second for the most iterations): not for a thread that serves sockets.
pub fn derive(password: &[u8], salt: &[u8], iterations: Iterations) -> SaltedPassword {
    let password = Zeroizing::new(prepared(password).into_owned());
    let mut salted = SaltedPassword([0; KEY]);
    pbkdf2::pbkdf2_hmac::<Sha256>(&password, salt, iterations.get(), &mut salted.0);
    salted
}

impl SaltedPassword {
    /// The key that opens the door.
    pub fn client_key(&self) -> ClientKey {
        ClientKey(hmac(&self.0, &[b"Client Key"]))
    }

    /// The key that the server signs with.
    pub fn server_key(&self) -> ServerKey {
        ServerKey(hmac(&self.0, &[b"Server Key"]))
    }
}

impl ClientKey {
    /// What a server stores of it.
    pub fn stored_key(&self) -> StoredKey {
        StoredKey(Sha256::digest(self.0).into())
    }

    /// The proof for an exchange of messages. Useless without them.
    pub(super) fn proof(&self, messages: &[&[u8]]) -> [u8; KEY] {
        xor(&self.0, &self.stored_key().signature(messages))
    }
}

impl StoredKey {
    /// The key that a proof was made with: whose it is, [`ClientKey::stored_key`] tells.
    pub(super) fn client_key(&self, proof: &[u8; KEY], messages: &[&[u8]]) -> ClientKey {
        ClientKey(xor(proof, &self.signature(messages)))
    }

    fn signature(&self, messages: &[&[u8]]) -> [u8; KEY] {
        hmac(&self.0, messages)
    }
}

impl ServerKey {
    /// The server's signature of an exchange of messages.
    pub(super) fn signature(&self, messages: &[&[u8]]) -> [u8; KEY] {
        hmac(&self.0, messages)
    }

    /// Is that the signature? In constant time.
    pub(super) fn has_signed(&self, messages: &[&[u8]], signature: &[u8; KEY]) -> bool {
        self.signature(messages).ct_eq(signature).into()
    }
}

/// What a client has shown to have, and the verifier that it belongs to: enough to log in at every
/// server that stores the same verifier, without the password.
#[derive(Clone)]
pub struct ClientKeys {
    pub(super) client: ClientKey,
    pub(super) server: ServerKey,
    pub(super) salt: Vec<u8>,
    pub(super) iterations: Iterations,
}

unprinted!(ClientKeys);

pub(super) fn hmac(key: &[u8; KEY], parts: &[&[u8]]) -> [u8; KEY] {
    // A key that is shorter than the hash's block is filled up with zeros (RFC 2104).
    let mut block = Zeroizing::new([0; 64]);
    block[..KEY].copy_from_slice(key);
    let mut mac = Hmac::<Sha256>::new((&*block).into());
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

fn xor(one: &[u8; KEY], other: &[u8; KEY]) -> [u8; KEY] {
    std::array::from_fn(|i| one[i] ^ other[i])
}
