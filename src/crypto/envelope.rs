//! The layout of a sealed value; see docs/envelope.md.

use super::{Cipher, DekId};

/// The first three bytes of every envelope. 0xFF is never valid UTF-8.
pub const MAGIC: [u8; 3] = [0xFF, 0x70, 0x76];

/// Bytes before the token: magic, suite and segments, DEK id.
pub(super) const HEADER_LEN: usize = 8;
pub(super) const NONCE_LEN: usize = 12;
pub(super) const TAG_LEN: usize = 16;

/// A parsed envelope, borrowing the stored bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Envelope<'a> {
    /// Suite of the header's high nibble.
    pub cipher: Cipher,
    /// DEK that sealed it.
    pub dek: DekId,
    /// Equality token, if the segment nibble says that there is one.
    pub token: Option<&'a [u8; 16]>,
    /// Magic, suite and segments, DEK id, and tokens: the part of the AAD that is stored.
    pub head: &'a [u8],
    /// Nonce.
    pub nonce: &'a [u8; 12],
    /// Ciphertext followed by the 16-byte tag.
    pub sealed: &'a [u8],
}

/// Why bytes are not an envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// Do not start with the magic.
    #[error("not an envelope")]
    NotAnEnvelope,
    /// Starts like one but ends too soon.
    #[error("truncated envelope")]
    Truncated,
    /// A suite or segment layout that this version does not know, or the DEK id 0.
    #[error("envelope of an unknown layout")]
    UnknownLayout,
}

impl<'a> Envelope<'a> {
    /// Parses stored bytes. Says nothing about their authenticity.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, EnvelopeError> {
        use EnvelopeError::{NotAnEnvelope, Truncated, UnknownLayout};

        let rest = bytes.strip_prefix(&MAGIC).ok_or(NotAnEnvelope)?;
        let (layout, rest) = rest.split_first().ok_or(Truncated)?;
        let cipher = Cipher::of_nibble(layout >> 4).ok_or(UnknownLayout)?;
        let has_token = match layout & 0x0F {
            0 => false,
            1 => true,
            _ => return Err(UnknownLayout),
        };
        let (dek, mut rest) = rest.split_first_chunk().ok_or(Truncated)?;
        let dek = DekId(u32::from_be_bytes(*dek));
        if dek == DekId(0) {
            return Err(UnknownLayout);
        }
        let mut token = None;
        if has_token {
            let (first, after) = rest.split_first_chunk().ok_or(Truncated)?;
            token = Some(first);
            rest = after;
        }
        let (head, _) = bytes.split_at(bytes.len() - rest.len());
        let (nonce, sealed) = rest.split_first_chunk().ok_or(Truncated)?;
        // At least the kind byte is always sealed.
        if sealed.len() <= TAG_LEN {
            return Err(Truncated);
        }
        Ok(Self { cipher, dek, token, head, nonce, sealed })
    }
}

/// How the envelopes under a DEK begin: eight bytes, for each cipher with and without a token.
pub fn headers(dek: DekId) -> [[u8; HEADER_LEN]; 4] {
    let (gcm, siv) = (Cipher::Aes256Gcm, Cipher::Aes256GcmSiv);
    [header(gcm, false, dek), header(gcm, true, dek), header(siv, false, dek), header(siv, true, dek)]
}

/// The first eight bytes of an envelope.
pub(super) fn header(cipher: Cipher, has_token: bool, dek: DekId) -> [u8; HEADER_LEN] {
    let [m0, m1, m2] = MAGIC;
    let layout = cipher.nibble() << 4 | u8::from(has_token);
    let [d0, d1, d2, d3] = dek.0.to_be_bytes();
    [m0, m1, m2, layout, d0, d1, d2, d3]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use proptest::prelude::*;

    /// Header with a layout byte and a DEK id, followed by `rest` bytes.
    fn bytes(layout: u8, dek: u32, rest: usize) -> Vec<u8> {
        [&MAGIC[..], &[layout], &dek.to_be_bytes(), &vec![7; rest]].concat()
    }

    #[test]
    fn the_smallest_envelopes_parse() {
        let plain = bytes(0x10, 1, 12 + 1 + 16);
        let parsed = Envelope::parse(&plain).unwrap();
        assert_eq!((parsed.cipher, parsed.dek, parsed.token), (Cipher::Aes256Gcm, DekId(1), None));
        assert_eq!((parsed.head, parsed.sealed.len()), (&plain[..8], 17));

        let token = bytes(0x21, 0xDEAD_BEEF, 16 + 12 + 1 + 16);
        let parsed = Envelope::parse(&token).unwrap();
        assert_eq!(
            (parsed.cipher, parsed.dek, parsed.token),
            (Cipher::Aes256GcmSiv, DekId(0xDEAD_BEEF), Some(&[7; 16]))
        );
        assert_eq!((parsed.head, parsed.sealed.len()), (&token[..24], 17));
    }

    #[test]
    fn layouts_of_the_future_are_told_from_damage() {
        for layout in 0..=u8::MAX {
            let parsed = Envelope::parse(&bytes(layout, 1, 100)).map(|_| ()).err();
            let known = matches!(layout, 0x10 | 0x11 | 0x20 | 0x21);
            assert_eq!(parsed, (!known).then_some(EnvelopeError::UnknownLayout), "{layout:#x}");
        }
        assert_eq!(Envelope::parse(&bytes(0x10, 0, 100)), Err(EnvelopeError::UnknownLayout));
    }

    #[test]
    fn whatever_parses_begins_with_one_of_its_deks_headers() {
        for layout in 0..=u8::MAX {
            let bytes = bytes(layout, 0x0102_0304, 100);
            let expected = Envelope::parse(&bytes).is_ok();
            assert_eq!(headers(DekId(0x0102_0304)).contains(bytes.first_chunk().unwrap()), expected, "{layout:#x}");
        }
    }

    #[test]
    fn every_truncation_is_noticed() {
        for (layout, len) in [(0x10, 37), (0x21, 53)] {
            let whole = bytes(layout, 1, len - 8);
            assert!(Envelope::parse(&whole).is_ok());
            for cut in 0..len {
                let expected = if cut < 3 { EnvelopeError::NotAnEnvelope } else { EnvelopeError::Truncated };
                assert_eq!(Envelope::parse(&whole[..cut]), Err(expected), "{cut}");
            }
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(tail in proptest::collection::vec(any::<u8>(), 0..100), magic in any::<bool>()) {
            let bytes = if magic { [&MAGIC[..], &tail].concat() } else { tail };
            if let Ok(parsed) = Envelope::parse(&bytes) {
                prop_assert_eq!(parsed.head.len() + 12 + parsed.sealed.len(), bytes.len());
            }
        }
    }
}
