//! What no type that holds a key may have.

/// Does not compile if the type has one of the traits.
///
/// Each trait gives its types a second implementation of `Once`, and then the compiler cannot tell which
/// one is meant ("type annotations needed").
macro_rules! lacks {
    ($key:ty: $($bound:path),+) => {
        $(const _: () = {
            trait Once<Marker> {
                fn only() {}
            }
            struct Second;
            impl<T> Once<()> for T {}
            impl<T: $bound> Once<Second> for T {}
            const _: fn() = <$key as Once<_>>::only;
        };)+
    };
}

/// Keys that cannot be printed, serialized or copied.
macro_rules! opaque {
    ($($key:ty),+ $(,)?) => {
        $(lacks!($key: std::fmt::Debug, std::fmt::Display, serde::Serialize, Clone);)+
    };
}

/// Likewise, for keys of which there have to be copies: each copy wipes itself.
macro_rules! unprinted {
    ($($key:ty),+ $(,)?) => {
        $(lacks!($key: std::fmt::Debug, std::fmt::Display, serde::Serialize);)+
    };
}
