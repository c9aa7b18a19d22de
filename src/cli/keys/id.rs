//! Ids of keys as people give them: `0x000002a7`, or decimal.

use std::str::FromStr;

/// The id of a DEK or KEK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) struct KeyId(pub(in crate::cli) u32);

impl FromStr for KeyId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed: Option<u32> = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
            // from_str_radix would take a sign.
            Some(digits) if digits.bytes().all(|b| b.is_ascii_hexdigit()) => u32::from_str_radix(digits, 16).ok(),
            None if text.bytes().all(|b| b.is_ascii_digit()) => text.parse().ok(),
            _ => None,
        };
        match parsed {
            Some(id) if id != 0 => Ok(Self(id)),
            _ => {
                Err("an id is written as `pgveil keys list` shows it, 0x000002a7, or decimal, up to 2^32 - 1"
                    .to_owned())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::KeyId;

    #[test]
    fn ids_are_taken_as_they_are_shown_and_decimal() {
        for text in ["0x000002a7", "0x2A7", "0X2a7", "679"] {
            assert_eq!(text.parse(), Ok(KeyId(679)), "{text}");
        }
        assert_eq!("0xffffffff".parse(), Ok(KeyId(u32::MAX)));
        for text in ["", "0x", "0", "0x0", "-1", "+1", "0x+1", "0x-1", "4294967296", "0x1ffffffff", "2a7", " 1", "1 "] {
            assert!(text.parse::<KeyId>().is_err(), "{text:?}");
        }
    }
}
