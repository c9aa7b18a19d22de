//! One column's values in and out of envelopes, over any [`Engine`].

use zeroize::Zeroize;

use super::{
    Cipher, ColumnId, Dek, DekId, Envelope, OpenError, Padding, SealError, Token,
    aad::with_aad,
    cipher::{MAX_CANON, MAX_INNER},
    derive,
    envelope::{HEADER_LEN, NONCE_LEN, TAG_LEN, header},
    padding::unpadded_len,
};

/// Bit 7 of the kind byte: padding follows the canon.
const PADDED: u8 = 0x80;

/// The AEADs of both suites under one key. Implementations wipe the key when dropped.
pub(super) trait Engine {
    /// Expands a key for both suites.
    fn new(key: &[u8; 32]) -> Self;

    /// Encrypts `text` in place and gives the tag.
    fn seal(
        &self,
        cipher: Cipher,
        nonce: &[u8; NONCE_LEN],
        aad: &[u8],
        text: &mut [u8],
    ) -> Result<[u8; TAG_LEN], Refused>;

    /// Decrypts `text` in place. After an error `text` holds anything.
    fn open(
        &self,
        cipher: Cipher,
        nonce: &[u8; NONCE_LEN],
        aad: &[u8],
        tag: &[u8; TAG_LEN],
        text: &mut [u8],
    ) -> Result<(), Refused>;
}

/// The engine did not do it, and says no more than that.
pub(super) struct Refused;

/// What is sealed, and how.
#[derive(Clone, Copy)]
pub(super) struct Plain<'a> {
    pub cipher: Cipher,
    pub token: Option<&'a Token>,
    pub kind: u8,
    pub tenant: &'a [u8],
    pub padding: Padding,
    pub canon: &'a [u8],
}

/// See [`super::ColumnCipher`].
pub(super) struct Column<E> {
    dek: DekId,
    id: ColumnId,
    engine: E,
}

impl<E: Engine> Column<E> {
    pub fn derive(dek: &Dek, dek_id: DekId, column: &ColumnId) -> Self {
        Self { dek: dek_id, id: *column, engine: E::new(&derive::column_key(dek, column)) }
    }

    pub fn dek_id(&self) -> DekId {
        self.dek
    }

    /// Appends the envelope to `out`; on failure `out` is as before.
    ///
    /// The nonce is the caller's: outside of tests it comes from [`super::nonce`].
    pub fn seal(&self, plain: &Plain<'_>, nonce: &[u8; NONCE_LEN], out: &mut Vec<u8>) -> Result<(), SealError> {
        let inner_len = plain.padding.inner_len(plain.canon.len()).filter(|&len| len <= MAX_INNER);
        let Some(inner_len) = inner_len else { return Err(SealError::Cipher) };
        let kind_is_clean = plain.kind != 0 && plain.kind & PADDED == 0;
        if plain.canon.len() > MAX_CANON || !kind_is_clean || self.dek == DekId(0) {
            return Err(SealError::Cipher);
        }

        let token = plain.token.map_or(&[] as &[u8], |token| &token.0);
        let start = out.len();
        out.reserve(HEADER_LEN + token.len() + NONCE_LEN + inner_len + TAG_LEN);
        out.extend_from_slice(&header(plain.cipher, plain.token.is_some(), self.dek));
        out.extend_from_slice(token);
        out.extend_from_slice(nonce);
        let text = out.len();
        if plain.padding == Padding::None {
            out.push(plain.kind);
            out.extend_from_slice(plain.canon);
        } else {
            out.push(plain.kind | PADDED);
            out.extend_from_slice(plain.canon);
            out.push(0x80);
            out.resize(text + inner_len, 0);
        }

        let (envelope, inner) = out.split_at_mut(text);
        let head = &envelope[start..text - NONCE_LEN];
        let sealed = with_aad(head, &self.id, plain.tenant, |aad| self.engine.seal(plain.cipher, nonce, aad, inner));
        if let Some(Ok(tag)) = sealed {
            out.extend_from_slice(&tag);
            Ok(())
        } else {
            wipe_from(out, start);
            Err(SealError::Cipher)
        }
    }

    /// Appends the canon to `out` and gives the kind; on failure `out` is as before, and no plaintext
    /// stays in its spare capacity.
    pub fn open(&self, envelope: &Envelope<'_>, tenant: &[u8], out: &mut Vec<u8>) -> Result<u8, OpenError> {
        let Some((ciphertext, tag)) = envelope.sealed.split_last_chunk() else { return Err(OpenError::Authentication) };
        if envelope.dek != self.dek {
            return Err(OpenError::Authentication);
        }
        let start = out.len();
        out.extend_from_slice(ciphertext);
        let inner = &mut out[start..];
        let opened = with_aad(envelope.head, &self.id, tenant, |aad| {
            self.engine.open(envelope.cipher, envelope.nonce, aad, tag, inner)
        });
        let result = match opened {
            Some(Ok(())) => strip(inner).ok_or(OpenError::Contents),
            Some(Err(Refused)) | None => Err(OpenError::Authentication),
        };
        let Ok((kind, canon_len)) = result else {
            wipe_from(out, start);
            return result.map(|(kind, _)| kind);
        };
        // One byte to the left: the kind goes, the canon stays.
        inner.copy_within(1..=canon_len, 0);
        wipe_from(out, start + canon_len);
        Ok(kind)
    }
}

/// Kind and length of the canon within kind byte ‖ canon ‖ padding.
fn strip(inner: &[u8]) -> Option<(u8, usize)> {
    let (&first, rest) = inner.split_first()?;
    let kind = first & !PADDED;
    let len = if first & PADDED == 0 { rest.len() } else { unpadded_len(rest)? };
    (kind != 0).then_some((kind, len))
}

/// Cuts `out` to `len` bytes and overwrites what was there.
fn wipe_from(out: &mut Vec<u8>, len: usize) {
    if let Some(tail) = out.get_mut(len..) {
        tail.zeroize();
    }
    out.truncate(len);
}
