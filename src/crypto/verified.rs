//! "Crypto verified": the two engines must agree, at start-up and in health.
//!
//! A wrong result of a cipher is rare (a miscompiled build, a faulty CPU, a bad code path chosen for
//! a new CPU) and unforgiving: what was sealed wrongly may never open again. So what one engine seals
//! the other must open, and so for the digest of tokens. Keys and values here are made up and fixed.

use aws_lc_rs::{hkdf, hmac};

use super::{
    Cipher, ColumnId, Dek, DekId, Envelope, IndexKey, IndexRoot, Padding, Token,
    awslc::AwsLc,
    column::{Column, Engine, Plain},
    portable::Portable,
};

/// Two implementations of the same standard disagree: nothing must be sealed or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CryptoMismatch {
    /// What one engine sealed, the other does not open as the same value.
    #[error("{cipher:?}: what one engine seals the other does not open")]
    Cipher {
        /// The suite in question.
        cipher: Cipher,
    },
    /// An engine opened an altered value.
    #[error("{cipher:?}: an altered value was opened")]
    Forgery {
        /// The suite in question.
        cipher: Cipher,
    },
    /// HMAC-SHA256 or HKDF-SHA256 give different results.
    #[error("HMAC-SHA256: the two implementations give different tokens")]
    Token,
}

/// Lengths around AES blocks and around where implementations change from one loop to the next.
const LENGTHS: [usize; 10] = [0, 1, 14, 15, 16, 100, 255, 256, 1000, 4096];

/// Seals with one engine and opens with the other, in both directions, with both suites.
pub fn crypto_verified() -> Result<(), CryptoMismatch> {
    let dek = Dek::from_bytes([0x5A; 32]);
    let column = ColumnId::of("pgveil.self.test");
    let first = Column::<AwsLc>::derive(&dek, DekId(1), &column);
    let second = Column::<Portable>::derive(&dek, DekId(1), &column);
    for cipher in [Cipher::Aes256Gcm, Cipher::Aes256GcmSiv] {
        crossed(&first, &second, cipher)?;
        crossed(&second, &first, cipher)?;
    }
    tokens_agree()
}

fn crossed<S: Engine, O: Engine>(sealer: &Column<S>, opener: &Column<O>, cipher: Cipher) -> Result<(), CryptoMismatch> {
    let mismatch = CryptoMismatch::Cipher { cipher };
    let token = Token([0xC3; 16]);
    for (round, len) in LENGTHS.into_iter().enumerate() {
        let canon: Vec<u8> = (0..len).map(|at| (at * 7 + round) as u8).collect();
        let padding = if round % 2 == 0 { Padding::None } else { Padding::Padme };
        let token = (round % 3 == 0).then_some(&token);
        let plain = Plain { cipher, token, kind: 1, tenant: b"tenant", padding, canon: &canon };
        let mut stored = Vec::new();
        sealer.seal(&plain, &[round as u8; 12], &mut stored).map_err(|_| mismatch)?;
        if open(opener, &stored).as_ref() != Some(&canon) {
            return Err(mismatch);
        }
        if let Some(last) = stored.last_mut() {
            *last ^= 1;
        }
        if open(opener, &stored).is_some() {
            return Err(CryptoMismatch::Forgery { cipher });
        }
    }
    Ok(())
}

fn open<E: Engine>(column: &Column<E>, stored: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let kind = column.open(&Envelope::parse(stored).ok()?, b"tenant", &mut out).ok()?;
    (kind == 1).then_some(out)
}

fn tokens_agree() -> Result<(), CryptoMismatch> {
    const INFO: &[&[u8]] = &[b"eq", &[0, 0, 0, 6], b"domain", &[0, 0, 0, 6], b"tenant", &[0, 0, 0, 1]];
    let root = IndexRoot::from_bytes([0xA5; 32]);
    let index = IndexKey::derive(&root, "domain", b"tenant", 1);
    let prk = hkdf::Salt::new(hkdf::HKDF_SHA256, &[]).extract(root.expose());
    let okm = prk.expand(INFO, hmac::HMAC_SHA256).map_err(|_| CryptoMismatch::Token)?;
    let key = hmac::Key::from(okm);
    for len in LENGTHS {
        let canon = vec![0x3C; len];
        if hmac::sign(&key, &canon).as_ref().get(..16) != Some(&index.token(&canon).0) {
            return Err(CryptoMismatch::Token);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{
        column::Refused,
        envelope::{NONCE_LEN, TAG_LEN},
    };

    /// An engine with a fault in one bit of blocks after the 64th.
    struct Faulty(AwsLc);

    impl Engine for Faulty {
        fn new(key: &[u8; 32]) -> Self {
            Self(AwsLc::new(key))
        }

        fn seal(
            &self,
            cipher: Cipher,
            nonce: &[u8; NONCE_LEN],
            aad: &[u8],
            text: &mut [u8],
        ) -> Result<[u8; TAG_LEN], Refused> {
            let tag = self.0.seal(cipher, nonce, aad, text);
            text.iter_mut().skip(1024).step_by(16).for_each(|byte| *byte ^= 1);
            tag
        }

        /// Opens whatever it is given.
        fn open(
            &self,
            cipher: Cipher,
            nonce: &[u8; NONCE_LEN],
            aad: &[u8],
            tag: &[u8; TAG_LEN],
            text: &mut [u8],
        ) -> Result<(), Refused> {
            let sealed = text.to_vec();
            if self.0.open(cipher, nonce, aad, tag, text).is_err() {
                text.copy_from_slice(&sealed);
                self.0.seal(cipher, nonce, aad, text)?;
            }
            Ok(())
        }
    }

    #[test]
    fn a_faulty_engine_is_noticed_in_either_direction() {
        let dek = Dek::from_bytes([0x5A; 32]);
        let column = ColumnId::of("pgveil.self.test");
        let faulty = Column::<Faulty>::derive(&dek, DekId(1), &column);
        let portable = Column::<Portable>::derive(&dek, DekId(1), &column);
        let cipher = Cipher::Aes256Gcm;
        assert_eq!(crossed(&faulty, &portable, cipher), Err(CryptoMismatch::Cipher { cipher }));
        assert_eq!(crossed(&portable, &faulty, cipher), Err(CryptoMismatch::Forgery { cipher }));
        assert_eq!(crypto_verified(), Ok(()));
    }
}
