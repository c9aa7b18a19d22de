//! The second engine: the RustCrypto crates, independent of aws-lc in origin, language and authors.
//! Slower; it checks the first one (see [`super::crypto_verified`]).

use aes_gcm::{
    AeadInOut, Aes256Gcm, KeyInit,
    aead::{self, inout::InOutBuf},
};
use aes_gcm_siv::Aes256GcmSiv;

use super::{
    Cipher,
    column::{Engine, Refused},
    envelope::{NONCE_LEN, TAG_LEN},
};

/// Both suites in Rust.
pub(super) struct Portable {
    gcm: Aes256Gcm,
    gcm_siv: Aes256GcmSiv,
}

impl From<aead::Error> for Refused {
    fn from(_: aead::Error) -> Self {
        Self
    }
}

impl Engine for Portable {
    fn new(key: &[u8; 32]) -> Self {
        Self { gcm: Aes256Gcm::new(key.into()), gcm_siv: Aes256GcmSiv::new(key.into()) }
    }

    fn seal(
        &self,
        cipher: Cipher,
        nonce: &[u8; NONCE_LEN],
        aad: &[u8],
        text: &mut [u8],
    ) -> Result<[u8; TAG_LEN], Refused> {
        let text = InOutBuf::from(text);
        let tag = match cipher {
            Cipher::Aes256Gcm => self.gcm.encrypt_inout_detached(nonce.into(), aad, text)?,
            Cipher::Aes256GcmSiv => self.gcm_siv.encrypt_inout_detached(nonce.into(), aad, text)?,
        };
        Ok(tag.into())
    }

    fn open(
        &self,
        cipher: Cipher,
        nonce: &[u8; NONCE_LEN],
        aad: &[u8],
        tag: &[u8; TAG_LEN],
        text: &mut [u8],
    ) -> Result<(), Refused> {
        let text = InOutBuf::from(text);
        match cipher {
            Cipher::Aes256Gcm => self.gcm.decrypt_inout_detached(nonce.into(), aad, text, tag.into())?,
            Cipher::Aes256GcmSiv => self.gcm_siv.decrypt_inout_detached(nonce.into(), aad, text, tag.into())?,
        }
        Ok(())
    }
}
