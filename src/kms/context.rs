//! What a wrapped key is bound to, and its one canonical encoding.

/// What a wrap is bound to, natively where the provider can and always by the key's check value:
/// keystore, purpose, scope, key id. Name/value pairs without secrets (clouds log them).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrapContext(pub Vec<(&'static str, String)>);

impl WrapContext {
    /// Is it that of a wrap that is unwrapped to see whether that is still allowed? A canary is, and the
    /// material of an imported key. Then a provider must not answer from its memory.
    pub(super) fn is_probe(&self) -> bool {
        self.0.iter().any(|(name, value)| *name == "purpose" && matches!(value.as_str(), "canary" | "byok-material"))
    }

    /// The bytes that are authenticated: equal for equal sets of pairs in any order, different for
    /// different ones. Every part carries its length, so that no two contexts run together:
    /// `"pgveil-ctx-v1" ‖ u32 count ‖ (u32 length ‖ name ‖ u32 length ‖ value)…`, big-endian, sorted.
    pub fn canonical(&self) -> Vec<u8> {
        let mut pairs: Vec<(&str, &str)> = self.0.iter().map(|(name, value)| (*name, value.as_str())).collect();
        pairs.sort_unstable();
        let mut out = b"pgveil-ctx-v1".to_vec();
        out.extend_from_slice(&(pairs.len() as u32).to_be_bytes());
        for part in pairs.into_iter().flat_map(|(name, value)| [name, value]) {
            out.extend_from_slice(&(part.len() as u32).to_be_bytes());
            out.extend_from_slice(part.as_bytes());
        }
        out
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::WrapContext;

    #[test]
    fn the_order_of_pairs_does_not_matter() {
        let ab = WrapContext(vec![("a", "1".into()), ("b", "2".into())]);
        let ba = WrapContext(vec![("b", "2".into()), ("a", "1".into())]);
        assert_eq!(ab.canonical(), ba.canonical());
    }

    #[test]
    fn the_encoding_never_changes() {
        let context = WrapContext(vec![("purpose", "dek".into()), ("key", "7".into())]);
        let expected = b"pgveil-ctx-v1\0\0\0\x02\0\0\0\x03key\0\0\0\x017\0\0\0\x07purpose\0\0\0\x03dek";
        assert_eq!(context.canonical(), expected);
    }

    proptest! {
        #[test]
        fn different_contexts_have_different_encodings(a in pairs(), b in pairs()) {
            let (mut sorted_a, mut sorted_b) = (a.clone(), b.clone());
            sorted_a.sort();
            sorted_b.sort();
            prop_assert_eq!(sorted_a == sorted_b, WrapContext(a).canonical() == WrapContext(b).canonical());
        }
    }

    /// Few short names and values, so that equal and nearly equal contexts do come up.
    fn pairs() -> impl Strategy<Value = Vec<(&'static str, String)>> {
        let name = prop::sample::select(vec!["a", "ab", "b", ""]);
        prop::collection::vec((name, "[ab]{0,2}"), 0..3)
    }
}
