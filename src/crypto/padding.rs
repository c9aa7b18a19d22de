//! Hiding the length of a value (`padding:` in the policy).
//!
//! Padding sits inside the ciphertext, ISO/IEC 7816-4 style: a byte 0x80 and as many zero bytes as
//! needed. Nothing here has to run in constant time: it is looked at only after the tag has
//! authenticated it (no padding oracle), and the true length shows in what is sent to the client
//! anyway.

/// How a value's length is hidden.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Padding {
    /// Not at all: the default.
    #[default]
    None,
    /// Padmé: at most 12 % longer, leaks O(log log n) bits.
    Padme,
    /// Up to a multiple of so many bytes. 0 and 1 hide nothing.
    Bucket(u32),
}

impl Padding {
    /// The length of kind byte, canon and padding together, for a canon of `canon` bytes. None if it
    /// overflows.
    pub(super) fn inner_len(self, canon: usize) -> Option<usize> {
        match self {
            Self::None => canon.checked_add(1),
            Self::Padme => padme(canon.checked_add(2)?),
            Self::Bucket(size) => canon.checked_add(2)?.checked_next_multiple_of(usize::try_from(size).ok()?.max(1)),
        }
    }
}

/// Rounds `len` up so that only the upper bits of its significand are used
/// ([Padmé, section 4.3](https://arxiv.org/abs/1806.03160)).
fn padme(len: usize) -> Option<usize> {
    let exponent = len.checked_ilog2().unwrap_or(0);
    let kept = exponent.checked_ilog2().map_or(0, |log| log + 1);
    let mask = (1usize << (exponent - kept)) - 1;
    Some(len.checked_add(mask)? & !mask)
}

/// The length of what was padded: everything before the last 0x80. None if there is none, or if
/// something other than zeros follows it.
pub(super) fn unpadded_len(padded: &[u8]) -> Option<usize> {
    let marker = padded.iter().rposition(|&byte| byte != 0)?;
    (padded.get(marker) == Some(&0x80)).then_some(marker)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn padme_costs_at_most_twelve_percent_and_leaves_few_lengths() {
        let mut lengths = std::collections::BTreeSet::new();
        for len in 2..100_000 {
            let padded = padme(len).unwrap();
            assert!(padded >= len && (padded - len) * 100 <= len * 12, "{len} -> {padded}");
            lengths.insert(padded);
        }
        assert!(lengths.len() < 250, "{} lengths", lengths.len());
    }

    #[test]
    fn padme_of_the_paper() {
        // By hand: 9 = 2^3+1, 2 bits kept below the leading one; 1000 in steps of 32; 2^20+1 in steps of 2^15.
        assert_eq!(
            [2, 8, 9, 1000, (1 << 20) + 1].map(|len| padme(len).unwrap()),
            [2, 8, 10, 1024, (1 << 20) + (1 << 15)]
        );
    }

    #[test]
    fn buckets_hold_kind_value_and_marker() {
        assert_eq!(Padding::Bucket(16).inner_len(14), Some(16));
        assert_eq!(Padding::Bucket(16).inner_len(15), Some(32));
        assert_eq!(Padding::Bucket(0).inner_len(5), Some(7));
        assert_eq!(Padding::Bucket(7).inner_len(usize::MAX), None);
        assert_eq!(Padding::Padme.inner_len(usize::MAX - 3), None);
    }

    #[test]
    fn only_a_marker_followed_by_zeros_is_padding() {
        assert_eq!(unpadded_len(b"ab\x80\0\0"), Some(2));
        assert_eq!(unpadded_len(b"ab\x80\x80"), Some(3));
        assert_eq!(unpadded_len(b"\x80"), Some(0));
        assert_eq!(unpadded_len(b"ab\x80\0\x01"), None);
        assert_eq!(unpadded_len(b"\0\0"), None);
        assert_eq!(unpadded_len(b""), None);
    }
}
