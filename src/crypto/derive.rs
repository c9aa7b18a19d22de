//! Key derivation, and the column id that it depends on.

use hkdf::Hkdf;
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

use super::{Dek, IndexRoot};

/// SHA-256("pgveil column" ‖ identity), first 16 bytes: binds a value to the column it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ColumnId(pub [u8; 16]);

impl ColumnId {
    /// The id of a column identity, e.g. `public.people.ssn`.
    pub fn of(identity: &str) -> Self {
        let digest = Sha256::new().chain_update(b"pgveil column").chain_update(identity).finalize();
        let mut id = [0; 16];
        id.copy_from_slice(&digest[..16]);
        Self(id)
    }
}

/// The AEAD key of one column under one DEK: HKDF(DEK, "pgveil aead" ‖ column id).
///
/// Both suites use it. Their uses of the AES key can only meet if a random nonce starts with one of
/// six 4-byte counters *and* its other 8 bytes equal part of another nonce (docs/envelope.md).
pub(super) fn column_key(dek: &Dek, column: &ColumnId) -> Zeroizing<[u8; 32]> {
    hkdf(dek.expose(), &[b"pgveil aead", &column.0])
}

/// The token key of one join domain, tenant and version.
///
/// Domain and tenant carry their lengths (u32 big endian) so that no two pairs share an info string.
pub(super) fn index_key(root: &IndexRoot, domain: &str, tenant: &[u8], version: u32) -> Zeroizing<[u8; 32]> {
    let domain_len = (domain.len() as u32).to_be_bytes();
    let tenant_len = (tenant.len() as u32).to_be_bytes();
    hkdf(root.expose(), &[b"eq", &domain_len, domain.as_bytes(), &tenant_len, tenant, &version.to_be_bytes()])
}

/// HKDF-SHA256 without salt, one block of output ([RFC 5869](https://www.rfc-editor.org/rfc/rfc5869)).
/// Unlike `Hkdf::new` it wipes what lies between input and output.
#[expect(clippy::expect_used, reason = "32 bytes are always within HKDF's limit of 255 blocks")]
pub(crate) fn hkdf(ikm: &[u8; 32], info: &[&[u8]]) -> Zeroizing<[u8; 32]> {
    let (mut prk, expander) = Hkdf::<Sha256>::extract(None, ikm);
    prk.as_mut_slice().zeroize();
    let mut key = Zeroizing::new([0; 32]);
    expander.expand_multi_info(info, key.as_mut_slice()).expect("one block");
    key
}
