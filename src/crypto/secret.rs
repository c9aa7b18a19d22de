//! Key material that is wiped when dropped and never printed.

use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// 32 bytes of key material on their way: to a key service, from it, into a [`Dek`] or an [`IndexRoot`].
///
/// On the heap: moving them, also out of a future, moves a pointer and leaves no copies on stacks.
pub struct KeyBytes(Box<[u8; 32]>);

impl KeyBytes {
    /// Made where they stay.
    pub fn made(make: impl FnOnce(&mut [u8; 32])) -> Self {
        let mut key = Self(Box::new([0; 32]));
        make(&mut key.0);
        key
    }

    /// Drawn from the operating system.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut key = Self(Box::new([0; 32]));
        getrandom::fill(key.0.as_mut_slice())?;
        Ok(key)
    }

    /// A copy of bytes that lie elsewhere. None unless they are 32.
    pub fn copied(bytes: &[u8]) -> Option<Self> {
        (bytes.len() == 32).then(|| Self::made(|key| key.copy_from_slice(bytes)))
    }

    /// The key bytes, for derivation and wrapping only.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

/// For keys that are nobody's secret: the caller's copy is not wiped.
impl From<[u8; 32]> for KeyBytes {
    fn from(bytes: [u8; 32]) -> Self {
        Self::made(|key| *key = bytes)
    }
}

/// Constant time.
impl PartialEq for KeyBytes {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_slice().ct_eq(other.0.as_slice()).into()
    }
}

impl Eq for KeyBytes {}

impl Drop for KeyBytes {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl ZeroizeOnDrop for KeyBytes {}

opaque!(KeyBytes);

macro_rules! key {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        pub struct $name(KeyBytes);

        impl $name {
            /// Takes over key bytes.
            pub fn from_bytes(bytes: impl Into<KeyBytes>) -> Self {
                Self(bytes.into())
            }

            /// The key bytes, for derivation and wrapping only.
            pub fn expose(&self) -> &[u8; 32] {
                self.0.expose()
            }
        }

        impl ZeroizeOnDrop for $name {}

        opaque!($name);
    };
}

key! {
    /// A data encryption key.
    Dek
}
key! {
    /// The root of all token keys of a scope; long-lived, wrapped like a DEK but never rotated with it.
    IndexRoot
}
