//! The services that the policy names, opened when they are needed.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    Kms, KmsError, KmsErrorKind, Opening, PROVIDERS, Provider, WrapContext, Wrapped,
    guarded::{self, Guards, Observer},
};
use crate::config::{KmsConfig, Policy, kms::SettingKind};

/// The key management services of a policy. Shared by everything that opens keystores.
pub struct Directory {
    services: BTreeMap<String, KmsConfig>,
    default: String,
    /// One that is given instead of opened.
    given: Option<Arc<dyn Kms>>,
    providers: &'static [Provider],
    guards: Guards,
}

/// A KEK as the keystore describes it: enough to open its service for just that key.
#[derive(Clone, Debug)]
pub struct KekRef {
    /// The policy's name of the service; None in keystores that were made before it was noted.
    pub kms: Option<String>,
    /// Kind of the service.
    pub provider: String,
    /// The service's name of the key.
    pub key_ref: String,
    /// The KEK itself, wrapped by another service, where it was imported.
    pub material: Option<Material>,
    /// When the KEK was made at the provider, in microseconds since 1970, if that is known: a cloud may
    /// not know a key everywhere in its first minutes.
    pub created_at: Option<i64>,
}

/// Imported key material as the keystore holds it.
#[derive(Clone, Debug)]
pub struct Material {
    /// The policy's name of the service that wraps it.
    pub kms: String,
    /// That service's name of the key.
    pub key_ref: String,
    /// The wrap.
    pub wrapped: Wrapped,
    /// What it is bound to.
    pub context: WrapContext,
}

impl Directory {
    /// Of a policy; opens nothing yet.
    pub fn new(policy: &Policy) -> Self {
        Self::observed(policy, guarded::meters())
    }

    /// Of a policy; `observer` hears of calls instead of the metrics.
    pub fn observed(policy: &Policy, observer: Observer) -> Self {
        let (services, default) = (policy.kms.clone(), policy.keys.kms.clone());
        Self { services, default, given: None, providers: PROVIDERS, guards: Guards::new(observer) }
    }

    /// With one service that is open already, whatever it is called. It is used as it is, without guards.
    pub fn of_one(kms: Arc<dyn Kms>) -> Self {
        let (services, default) = (BTreeMap::new(), kms.kind().to_owned());
        Self { services, default, given: Some(kms), providers: PROVIDERS, guards: Guards::new(guarded::meters()) }
    }

    /// With these providers instead of [`PROVIDERS`]: those that the policy was loaded with.
    #[must_use]
    pub fn with_providers(mut self, providers: &'static [Provider]) -> Self {
        self.providers = providers;
        self
    }

    /// The policy's name of the service that wraps new keys: `keys.kms`.
    pub fn default_name(&self) -> &str {
        &self.default
    }

    /// Opens a service for the key that the policy names.
    pub async fn open(&self, name: &str) -> Result<Arc<dyn Kms>, KmsError> {
        self.opened(name, None).await
    }

    /// Opens the service of a KEK for just that key.
    pub async fn open_kek(&self, kek: &KekRef) -> Result<Arc<dyn Kms>, KmsError> {
        if let Some(given) = &self.given {
            return Ok(given.clone());
        }
        self.opened(self.name_of(kek)?, Some(kek)).await
    }

    /// The service that wraps what is imported into this one, by its name in the policy, opened for the key
    /// that it wraps with now. None if the policy names no such service, or it takes no imports.
    pub async fn above(&self, name: &str) -> Result<Option<(&str, Arc<dyn Kms>)>, KmsError> {
        let Some(config) = self.services.get(name) else { return Ok(None) };
        let provider = self.providers.iter().find(|provider| provider.declaration.kind == config.kind);
        let settings = provider.map(|provider| provider.declaration.settings).unwrap_or_default();
        let setting = settings.iter().find(|setting| matches!(setting.value, SettingKind::Kms));
        let Some(above) = setting.and_then(|setting| config.settings.other(setting.name)) else { return Ok(None) };
        Ok(Some((above, self.open(above).await?)))
    }

    /// Opens the service that has wrapped imported material, for the key that did it, even if the policy keeps
    /// new imports elsewhere by now.
    pub async fn open_above(&self, material: &Material) -> Result<Arc<dyn Kms>, KmsError> {
        let kek = KekRef {
            kms: Some(material.kms.clone()),
            provider: self.config(&material.kms)?.kind.to_owned(),
            key_ref: material.key_ref.clone(),
            material: None,
            created_at: None,
        };
        self.open_kek(&kek).await
    }

    /// Does the policy name this service?
    pub fn names(&self, name: &str) -> bool {
        self.services.contains_key(name)
    }

    /// What the policy says about a service.
    pub(super) fn config(&self, name: &str) -> Result<&KmsConfig, KmsError> {
        self.services
            .get(name)
            .ok_or_else(|| misconfigured(name, "the policy names no such kms; add it to `kms:`".to_owned()))
    }

    /// The policy's name of a KEK's service. Keystores of the first version did not note it: there it is
    /// the default if that is of the right kind, otherwise the only one that is.
    fn name_of<'a>(&'a self, kek: &'a KekRef) -> Result<&'a str, KmsError> {
        let kind = &kek.provider;
        let Some(name) = &kek.kms else {
            let is_of_kind = |config: &KmsConfig| config.kind == kind;
            if self.services.get(&self.default).is_some_and(is_of_kind) {
                return Ok(&self.default);
            }
            let mut all = self.services.iter().filter(|(_, config)| is_of_kind(config)).map(|(name, _)| name);
            return match (all.next(), all.next()) {
                (Some(only), None) => Ok(only),
                (None, _) => Err(misconfigured(
                    &self.default,
                    format!(
                        "a KEK of the keystore is kept by a kms of kind `{kind}`, and the policy names none; add it to `kms:`"
                    ),
                )),
                (Some(_), Some(_)) => Err(misconfigured(
                    &self.default,
                    format!(
                        "a KEK of the keystore is kept by a kms of kind `{kind}`, and the policy names several; make the right one `keys.kms`"
                    ),
                )),
            };
        };
        match self.config(name)?.kind {
            found if found == kind => Ok(name),
            found => Err(misconfigured(
                name,
                format!(
                    "a KEK of the keystore is kept by `{name}` when that is of kind `{kind}`, but in the policy it is of kind `{found}`; add the earlier one under this name, and the new one under another"
                ),
            )),
        }
    }

    async fn opened(&self, name: &str, pin: Option<&KekRef>) -> Result<Arc<dyn Kms>, KmsError> {
        if let Some(given) = &self.given {
            return Ok(given.clone());
        }
        let config = self.config(name)?;
        let provider =
            self.providers.iter().find(|provider| provider.declaration.kind == config.kind).ok_or_else(|| {
                misconfigured(name, format!("this pgveil was built without the provider `{}`", config.kind))
            })?;
        let kms = (provider.open)(Opening { name, settings: &config.settings, pin, directory: self }).await?;
        Ok(self.guards.around(name, kms, pin.and_then(|kek| kek.created_at)))
    }
}

fn misconfigured(name: &str, message: String) -> KmsError {
    KmsError::new(name, KmsErrorKind::Misconfigured, message)
}
