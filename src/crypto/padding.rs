//! Hiding the length of a value (`padding:` in the policy).

/// How a value's length is hidden.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Padding {
    /// Not at all: the default.
    #[default]
    None,
    /// Padmé: at most 12 % longer, leaks O(log log n) bits.
    Padme,
    /// Up to a multiple of so many bytes.
    Bucket(u32),
}
