//! Does the primary DEK seal and open? For health checks.

use super::{KeyError, Keyring};
use crate::crypto::{Cipher, ColumnCipher, ColumnId, DekId, Envelope, Padding};

/// No column has this identity, so what is sealed here counts for no column's key, and opens in none.
const IDENTITY: &str = "\0health";
const TENANT: &[u8] = b"";
/// Any kind of value.
const KIND: u8 = 1;

impl Keyring {
    /// Seals a made-up value under the primary DEK with each cipher and opens it again: false if it does
    /// not come back as it was. Gives the DEK. Nothing is stored, and no use of the DEK is taken.
    pub async fn probe(&self) -> Result<(u32, bool), KeyError> {
        let (id, _) = self.primary().ok_or(KeyError::NoPrimary)?;
        let dek = self.dek(id).await?;
        let cipher = ColumnCipher::derive(&dek, DekId(id), &ColumnId::of(IDENTITY));
        let mut canon = [0; 64];
        getrandom::fill(&mut canon).map_err(|_| crate::crypto::SealError::NoRandomness)?;
        let mut verified = true;
        for suite in [Cipher::Aes256Gcm, Cipher::Aes256GcmSiv] {
            let (mut sealed, mut opened) = (Vec::new(), Vec::new());
            cipher.seal(suite, None, KIND, TENANT, Padding::None, &canon, &mut sealed)?;
            let kind = Envelope::parse(&sealed).ok().and_then(|e| cipher.open(&e, TENANT, &mut opened).ok());
            verified &= kind == Some(KIND) && opened == canon;
            // One bit that is wrong must not open.
            if let Some(last) = sealed.last_mut() {
                *last ^= 1;
            }
            let forged = Envelope::parse(&sealed).ok().map(|e| cipher.open(&e, TENANT, &mut Vec::new()).is_ok());
            verified &= forged != Some(true);
        }
        Ok((id, verified))
    }
}
