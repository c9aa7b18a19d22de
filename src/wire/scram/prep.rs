//! A password as PostgreSQL prepares it: SASLprep (RFC 4013) where it can be done, else the bytes as
//! they are.
//!
//! `pg_saslprep` (src/common/saslprep.c) is not quite what the RFC says: what is prohibited, not
//! assigned or of the wrong direction is looked for before the normalization, not behind it. A
//! password has to come out as it did when the server made its verifier, so this does the same.

use std::borrow::Cow;

use stringprep::tables;
use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

/// A password's bytes for the derivation of keys.
pub(super) fn prepared(password: &[u8]) -> Cow<'_, [u8]> {
    if password.is_ascii() {
        return Cow::Borrowed(password);
    }
    match std::str::from_utf8(password).ok().and_then(saslprep) {
        Some(text) => Cow::Owned(text.into_bytes()),
        None => Cow::Borrowed(password),
    }
}

fn saslprep(password: &str) -> Option<String> {
    let mapped: Zeroizing<Vec<char>> = Zeroizing::new(
        password
            .chars()
            .map(|c| if tables::non_ascii_space_character(c) { ' ' } else { c })
            .filter(|&c| !tables::commonly_mapped_to_nothing(c))
            .collect(),
    );
    let (&first, &last) = (mapped.first()?, mapped.last()?);
    if mapped.iter().any(|&c| prohibited(c) || tables::unassigned_code_point(c)) {
        return None;
    }
    if mapped.iter().any(|&c| right_to_left(c))
        && (mapped.iter().any(|&c| left_to_right(c)) || !right_to_left(first) || !right_to_left(last))
    {
        return None;
    }
    Some(mapped.iter().copied().nfkc().collect())
}

/// RFC 4013, section 2.3. Spaces and surrogates cannot be here any more.
fn prohibited(c: char) -> bool {
    tables::ascii_control_character(c)
        || tables::non_ascii_control_character(c)
        || tables::private_use(c)
        || tables::non_character_code_point(c)
        || tables::inappropriate_for_plain_text(c)
        || tables::inappropriate_for_canonical_representation(c)
        || tables::change_display_properties_or_deprecated(c)
        || tables::tagging_character(c)
}

/// RFC 3454, table D.1.
fn right_to_left(c: char) -> bool {
    tables::bidi_r_or_al(c)
}

/// RFC 3454, table D.2. The crate goes by today's Unicode, where the mathematical nablas and partial
/// differentials have no direction any more. (Found by comparing 23,000 characters with a server's.)
fn left_to_right(c: char) -> bool {
    tables::bidi_l(c)
        || matches!(
            u32::from(c),
            0x1d6c1 | 0x1d6db | 0x1d6fb | 0x1d715 | 0x1d735 | 0x1d74f | 0x1d76f | 0x1d789 | 0x1d7a9 | 0x1d7c3
        )
}
