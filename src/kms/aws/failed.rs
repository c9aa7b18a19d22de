//! What a person reads when a call has failed: what was refused, and what to do.

use std::error::Error;

use aws_sdk_kms::{
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
    types::KeyState,
};

use super::{
    Aws,
    classify::{Failure, INVALID_STATE},
    key::microseconds,
};
use crate::kms::{KmsError, KmsErrorKind};

impl Aws {
    /// A failed call for the key. One about the key's state asks the key which state that is.
    pub(super) async fn failed<E>(&self, action: &str, error: &SdkError<E, HttpResponse>) -> KmsError
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        let failure = Failure::of(error);
        if !failure.is(INVALID_STATE) {
            return self.connection.error(action, &self.arn, &failure);
        }
        // The message names the key, which in a re-wrap may be the other one.
        let is_arn = |word: &&str| word.starts_with("arn:") && word.contains(":key/");
        let key = failure.message.split([' ', '\'', '"']).find(is_arn).unwrap_or(&self.arn).trim_end_matches('.');
        let kind = match self.connection.metadata(key).await {
            Ok(metadata) => match metadata.key_state() {
                Some(KeyState::PendingDeletion | KeyState::PendingReplicaDeletion) => {
                    KmsErrorKind::PendingDestroy { at: metadata.deletion_date().map(microseconds) }
                }
                Some(KeyState::Disabled) => KmsErrorKind::Disabled,
                _ => KmsErrorKind::Unavailable,
            },
            // Who may not look takes the message's word for it.
            Err(_) if failure.message.contains("pending deletion") => KmsErrorKind::PendingDestroy { at: None },
            Err(_) if failure.message.contains("disabled") => KmsErrorKind::Disabled,
            Err(_) => KmsErrorKind::Unavailable,
        };
        self.connection.error_of(kind, action, key, &failure)
    }
}

/// The sentence, with what helps.
pub(super) fn message(kind: KmsErrorKind, action: &str, key: &str, place: &str, said: &str) -> String {
    match kind {
        KmsErrorKind::Throttled => format!("{place} throttles {action}: {said}"),
        KmsErrorKind::Unavailable => format!("{action} failed at {place}: {said}"),
        KmsErrorKind::AuthExpired => {
            format!("{action}: AWS takes the credentials no more ({said}); renew them where they come from")
        }
        KmsErrorKind::Denied => {
            format!("{action} on {key} is refused: {said}; grant it to the identity that `pgveil kms principal` shows")
        }
        KmsErrorKind::Disabled => {
            format!("{key} is disabled ({said}); `aws kms enable-key --key-id {key}` enables it")
        }
        KmsErrorKind::PendingDestroy { .. } => format!(
            "{key} is pending deletion ({said}); `aws kms cancel-key-deletion --key-id {key}` and then `aws kms enable-key --key-id {key}` keep it"
        ),
        KmsErrorKind::NotFound | KmsErrorKind::Destroyed => format!(
            "there is no key {key} at {place} ({said}); `aws kms list-keys` and `aws kms describe-key --key-id {key}` tell"
        ),
        KmsErrorKind::Integrity => format!(
            "{action} under {key}: this was wrapped by another key, for another purpose, or was altered ({said})"
        ),
        KmsErrorKind::Misconfigured if !action.starts_with("kms:") || said.contains("credentials") => {
            // The SDK's list of sources has a line for each.
            let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
            format!("{action} cannot work: {said}; docs/kms/aws.md says where pgveil takes credentials from")
        }
        KmsErrorKind::Misconfigured => {
            format!("{action} on {key} cannot work: {said}; `aws kms describe-key --key-id {key}` shows the key")
        }
    }
}
