//! What a policy may say about key management services: declared by those who implement them.
//!
//! The policy knows no provider. Each declares its kind and settings as plain data; reading, findings,
//! environment overrides and the JSON Schema follow from that.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use super::Secret;

/// A kind of key management service, as the policy names it.
#[derive(Debug)]
pub struct Declaration {
    /// Its key in the file: `local`, `aws`.
    pub kind: &'static str,
    /// One sentence about it, with its full stop, for editors.
    pub summary: &'static str,
    /// Its settings, in the order in which messages list them.
    pub settings: &'static [Setting],
    /// A rule between its settings, asked once each of them is fine by itself.
    pub rule: Option<Rule>,
}

/// A setting of a key management service.
#[derive(Debug)]
pub struct Setting {
    /// Its key in the file.
    pub name: &'static str,
    /// What its value is.
    pub value: SettingKind,
    /// Must it be given?
    pub required: bool,
    /// What it means, for editors.
    pub doc: &'static str,
    /// What else its value has to be; the error says what was expected, in a few words that stand beside
    /// the value: "expected `arn:aws:kms:REGION:ACCOUNT:key/ID`". Never asked about secrets.
    pub check: Option<Form>,
}

/// What is wrong with a value, in the words of what was expected.
pub type Form = fn(&str) -> Result<(), String>;

/// What is wrong between settings.
pub type Rule = fn(&KmsSettings) -> Result<(), Misfit>;

/// What the value of a setting is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettingKind {
    /// Text that is not empty and has no control characters.
    Text,
    /// A path; a relative one starts at the policy file's folder.
    Path,
    /// `http://host[:port][/path]` or `https://…`, without a user, a query or a fragment.
    Url,
    /// A secret: by environment variable, by file, or, with a warning, as it stands.
    Secret,
    /// Name of another key management service of the policy, one that is not itself under another.
    Kms,
}

/// What is wrong between settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// The setting that is at fault.
    pub setting: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub instead: String,
}

/// One `kms:` entry: exactly one kind with its settings.
#[derive(Clone, Debug)]
pub struct KmsConfig {
    /// [`Declaration::kind`]
    pub kind: &'static str,
    /// What the file says; only what is declared, and all that is required.
    pub settings: KmsSettings,
}

/// The settings of a key management service, by name.
#[derive(Clone, Debug, Default)]
pub struct KmsSettings(BTreeMap<&'static str, SettingValue>);

/// A setting's value.
#[derive(Clone, Debug)]
pub enum SettingValue {
    /// Of a [`SettingKind::Text`] or [`SettingKind::Url`].
    Text(String),
    /// Of a [`SettingKind::Path`].
    Path(PathBuf),
    /// Of a [`SettingKind::Secret`].
    Secret(Secret),
    /// Of a [`SettingKind::Kms`].
    Kms(String),
}

impl KmsSettings {
    /// A text or URL, if it is given.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.0.get(name)? {
            SettingValue::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A path, if it is given; relative to the working directory, not to the policy.
    pub fn path(&self, name: &str) -> Option<&Path> {
        match self.0.get(name)? {
            SettingValue::Path(path) => Some(path),
            _ => None,
        }
    }

    /// A secret, if it is given.
    pub fn secret(&self, name: &str) -> Option<&Secret> {
        match self.0.get(name)? {
            SettingValue::Secret(secret) => Some(secret),
            _ => None,
        }
    }

    /// The name of another key management service, if it is given.
    pub fn other(&self, name: &str) -> Option<&str> {
        match self.0.get(name)? {
            SettingValue::Kms(name) => Some(name),
            _ => None,
        }
    }
}

impl FromIterator<(&'static str, SettingValue)> for KmsSettings {
    fn from_iter<I: IntoIterator<Item = (&'static str, SettingValue)>>(settings: I) -> Self {
        Self(settings.into_iter().collect())
    }
}

impl Declaration {
    /// Does it lean on another service? Such a one cannot be leant on.
    pub(super) fn under_another(&self) -> bool {
        self.settings.iter().any(|setting| setting.value == SettingKind::Kms)
    }
}
