//! What providers differ in, and what they say about their keys.

use super::{KeyBytes, Kms, KmsError, KmsErrorKind, WrapContext, Wrapped};

/// What a provider can do by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Makes data keys that are bound to a context.
    pub generates: bool,
    /// Makes them without showing them.
    pub generates_sealed: bool,
    /// Binds a wrap to its context by its own means; otherwise only the check value does.
    pub binds_context: bool,
    /// Re-wraps without showing the key.
    pub rewraps: bool,
    /// A wrap names the version of the KEK that opens it, and versions can be destroyed one by one.
    pub has_versions: bool,
    /// Rotation gives a key new material under the same name; otherwise it makes another key.
    pub rotates_in_place: bool,
    /// The longest plaintext, in bytes.
    pub max_plaintext: usize,
    /// Can the KEK's material be read out of the provider?
    pub exportable: bool,
    /// Are calls answered by another machine? Then they are retried, and a breaker watches over them.
    pub remote: bool,
}

/// A new data key.
pub struct Generated {
    /// The key, if it was asked for.
    pub plaintext: Option<KeyBytes>,
    /// The same, wrapped.
    pub wrapped: Wrapped,
}

opaque!(Generated);

/// Whether a KEK can be used, as its provider says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// It works.
    Enabled,
    /// Disabled by its owner, who can enable it again.
    Disabled,
    /// Will be destroyed at this time (microseconds since 1970), if the provider says when.
    PendingDestroy(Option<i64>),
    /// Gone.
    Destroyed,
    /// Not usable for now.
    Unavailable,
}

/// What the provider says about a KEK.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// The provider's full name of the key.
    pub key_ref: String,
    /// Can it be used?
    pub condition: Condition,
    /// Microseconds since 1970, if known.
    pub created_at: Option<i64>,
    /// What else a person wants to know: name and value, e.g. `rotation`, `every 90 days`.
    pub facts: Vec<(&'static str, String)>,
}

/// A version of a KEK.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyVersion {
    /// The provider's name of it.
    pub id: String,
    /// Microseconds since 1970, if known.
    pub created_at: Option<i64>,
    /// Does it wrap what is new?
    pub is_primary: bool,
}

/// Who pgveil is to a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The identity, e.g. an ARN of a role, or a user of this host.
    pub identity: String,
    /// Where it comes from, e.g. `web identity token`.
    pub source: String,
    /// What it has to be granted, ready to be copied (a policy document, a command); one a line.
    pub grant: String,
}

/// One permission, tried.
#[derive(Clone, Debug)]
pub struct Permission {
    /// The provider's name of it, e.g. `kms:Decrypt`.
    pub name: &'static str,
    /// What pgveil needs it for.
    pub purpose: &'static str,
    /// Without it pgveil cannot work; with `false` it only cannot tell or rotate as much.
    pub required: bool,
    /// How the probe went.
    pub outcome: Result<(), KmsError>,
}

/// Draws a key here and has it wrapped.
pub(super) async fn generate_here<K: Kms + ?Sized>(
    kms: &K,
    context: &WrapContext,
    with_plaintext: bool,
) -> Result<Generated, KmsError> {
    let key = KeyBytes::random().map_err(|_| {
        KmsError::new(kms.kind(), KmsErrorKind::Unavailable, "the operating system gave no random bytes")
    })?;
    let wrapped = kms.wrap(key.expose(), context).await?;
    Ok(Generated { plaintext: with_plaintext.then_some(key), wrapped })
}
