//! The states of a key.

/// Where a KEK, DEK or index root is in its life; see docs/keys.md.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyState {
    /// Made, and nothing is sealed with it yet.
    Staged,
    /// What is new is sealed with it. One per scope.
    Primary,
    /// Opens what was sealed with it before.
    Deprecated,
    /// Nothing needs it any more as far as is known; kept, but not served.
    Retired,
    /// Its bytes are gone.
    Destroyed,
}

impl KeyState {
    const ALL: [Self; 5] = [Self::Staged, Self::Primary, Self::Deprecated, Self::Retired, Self::Destroyed];

    /// The word in the keystore.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Staged => "staged",
            Self::Primary => "primary",
            Self::Deprecated => "deprecated",
            Self::Retired => "retired",
            Self::Destroyed => "destroyed",
        }
    }

    /// The state of a word in the keystore.
    pub(super) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// May values be opened with a key in this state? A staged one may be somebody else's primary
    /// already by the time we see the value.
    pub(super) fn opens(self) -> bool {
        matches!(self, Self::Staged | Self::Primary | Self::Deprecated)
    }
}
