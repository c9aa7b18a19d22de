//! What AWS says about a key: its state, its rotations.

use aws_sdk_kms::{
    primitives::DateTime,
    types::{IncludeKeyMaterial, KeyMaterialState, KeyMetadata, KeySpec, KeyState, OriginType},
};

use super::{Aws, classify::Failure};
use crate::kms::{Condition, Description, KeyVersion, KmsError, KmsErrorKind};

impl Aws {
    pub(super) async fn describe(&self) -> Result<Description, KmsError> {
        let metadata = self.connection.metadata(&self.arn).await?;
        let mut facts = facts(&metadata);
        facts.push(("rotation", self.rotation().await));
        if let Some(alias) = &self.alias {
            let alias = alias.as_str();
            let now = match self.connection.resolve(alias).await {
                Ok(arn) if arn == self.arn => alias.to_owned(),
                Ok(arn) => format!(
                    "{alias} points to {arn} by now; the keystore stays with {}; `pgveil keys rotate --kek` moves it",
                    self.arn
                ),
                Err(error) => format!("{alias}: {}", error.message),
            };
            facts.push(("alias", now));
        }
        Ok(Description {
            key_ref: self.arn.clone(),
            condition: condition(&metadata),
            created_at: metadata.creation_date().map(microseconds),
            facts,
        })
    }

    /// Whether AWS rotates the key by itself, in words.
    async fn rotation(&self) -> String {
        match self.connection.kms.get_key_rotation_status().key_id(&self.arn).send().await {
            Ok(status) if status.key_rotation_enabled() => {
                let period = status.rotation_period_in_days().map(|days| format!("every {days} days"));
                let next = status.next_rotation_date().map(|next| format!("next {}", day(next)));
                let words: Vec<String> = [period, next].into_iter().flatten().collect();
                if words.is_empty() { "automatic".to_owned() } else { words.join(", ") }
            }
            Ok(_) => "not automatic".to_owned(),
            Err(error) => format!("unknown: {}", Failure::of(&error).message),
        }
    }

    pub(super) async fn versions(&self) -> Result<Vec<KeyVersion>, KmsError> {
        let mut versions = Vec::new();
        let mut marker = None;
        loop {
            let call = self.connection.kms.list_key_rotations().key_id(&self.arn).set_marker(marker);
            let reply = match call.include_key_material(IncludeKeyMaterial::AllKeyMaterial).send().await {
                Ok(reply) => reply,
                Err(error) => {
                    let failure = Failure::of(&error);
                    if failure.is_not_implemented() {
                        break;
                    }
                    return Err(self.failed("kms:ListKeyRotations", &error).await);
                }
            };
            versions.extend(reply.rotations().iter().map(|rotation| {
                let date = rotation.rotation_date();
                KeyVersion {
                    id: match (rotation.key_material_id(), date) {
                        (Some(id), _) => id.to_owned(),
                        (None, Some(date)) => date.to_string(),
                        (None, None) => "first".to_owned(),
                    },
                    created_at: date.map(microseconds),
                    is_primary: rotation.key_material_state() == Some(&KeyMaterialState::Current),
                }
            }));
            marker = reply.next_marker.filter(|_| reply.truncated);
            if marker.is_none() {
                break;
            }
        }
        // The first material has no date of rotation; nor do some emulators list it.
        if versions.iter().all(|version| version.created_at.is_some()) {
            versions.push(KeyVersion { id: "first".to_owned(), created_at: None, is_primary: false });
        }
        let created_at = self.connection.metadata(&self.arn).await?.creation_date().map(microseconds);
        for version in versions.iter_mut().filter(|version| version.created_at.is_none()) {
            version.created_at = created_at;
        }
        // Rotations within one second stay as AWS lists them, which is newest first.
        versions.sort_by_key(|version| std::cmp::Reverse(version.created_at));
        if !versions.iter().any(|version| version.is_primary)
            && let Some(newest) = versions.first_mut()
        {
            newest.is_primary = true;
        }
        Ok(versions)
    }

    /// New material for the same key. KMS does it in the background and keeps the earlier one for what it
    /// has wrapped.
    pub(super) async fn rotate(&self) -> Result<String, KmsError> {
        const ACTION: &str = "kms:RotateKeyOnDemand";
        let Err(error) = self.connection.kms.rotate_key_on_demand().key_id(&self.arn).send().await else {
            return Ok(self.arn.clone());
        };
        let mut failure = Failure::of(&error);
        if failure.is("LimitExceeded") {
            // Waiting does not help: the number is for the key's whole life.
            "AWS rotates a key on demand only so many times; make a new key and `pgveil keys rotate --kek`"
                .clone_into(&mut failure.message);
            return Err(self.connection.error_of(KmsErrorKind::Misconfigured, ACTION, &self.arn, &failure));
        }
        if failure.is("Conflict") {
            return Err(self.connection.error_of(KmsErrorKind::Throttled, ACTION, &self.arn, &failure));
        }
        Err(self.failed(ACTION, &error).await)
    }
}

fn condition(metadata: &KeyMetadata) -> Condition {
    match metadata.key_state() {
        // `Updating`: the primary region of a multi-region key moves; it works all the while.
        Some(KeyState::Enabled | KeyState::Updating) => Condition::Enabled,
        Some(KeyState::Disabled) => Condition::Disabled,
        Some(KeyState::PendingDeletion | KeyState::PendingReplicaDeletion) => {
            Condition::PendingDestroy(metadata.deletion_date().map(microseconds))
        }
        _ => Condition::Unavailable,
    }
}

fn facts(metadata: &KeyMetadata) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    let mut add = |name, value: Option<&str>| facts.extend(value.map(|value| (name, value.to_owned())));
    add("state", metadata.key_state().map(KeyState::as_str));
    add("spec", metadata.key_spec().map(KeySpec::as_str));
    add("origin", metadata.origin().map(OriginType::as_str));
    add("multi-region", metadata.multi_region().filter(|multi| *multi).map(|_| "yes"));
    add("custom key store", metadata.custom_key_store_id());
    facts
}

/// Since 1970.
pub(super) fn microseconds(date: &DateTime) -> i64 {
    date.secs().saturating_mul(1_000_000).saturating_add(i64::from(date.subsec_nanos() / 1000))
}

fn day(date: &DateTime) -> String {
    jiff::Timestamp::from_microsecond(microseconds(date))
        .map_or_else(|_| date.to_string(), |at| at.strftime("%Y-%m-%d").to_string())
}
