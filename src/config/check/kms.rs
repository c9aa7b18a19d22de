//! Key management services, by the declarations of those who implement them.

use std::collections::BTreeMap;

use super::{Check, given};
use crate::config::{
    Declaration, KmsConfig, KmsSettings,
    field::{Entries, Field},
    file::{KmsFile, SecretText},
    issue::{At, Issue},
    kms::{Setting, SettingKind, SettingValue},
    near, reader, scalars,
    yaml::{Kind, Node},
};

/// Name of the service that exists when the policy names none.
pub(super) const DEFAULT_NAME: &str = "local";
/// Its kind and the setting that says where its keys are.
const DEFAULT: (&str, &str) = ("local", "keyring");
/// Kinds that pgveil will have, and who they are.
pub(in crate::config) const LATER: [(&str, &str); 6] = [
    ("gcp", "Google Cloud KMS"),
    ("azure", "Azure Key Vault"),
    ("vault", "HashiCorp Vault or OpenBao"),
    ("scaleway", "Scaleway Key Manager"),
    ("pkcs11", "A PKCS#11 token"),
    ("external", "An external key manager over HTTP"),
];
/// Kinds that a build may lack, and the features that add them.
const BUILT: [(&str, &str); 3] = [("local", "kms-local"), ("byok", "kms-byok"), ("aws", "kms-aws")];

/// Where a service names another one.
struct Reference<'a> {
    kind: &'static str,
    setting: &'static str,
    from: &'a str,
    to: String,
    at: At,
}

pub(super) fn services(
    field: Option<&Field<Entries<KmsFile>>>,
    check: &Check<'_>,
    notes: &mut Vec<String>,
) -> BTreeMap<String, KmsConfig> {
    let mut services = BTreeMap::new();
    let Some((entries, at)) = given(field) else {
        // An unreadable `kms:` is an error already.
        if field.is_none() {
            services.extend(default(check, notes).map(|kms| (DEFAULT_NAME.to_owned(), kms)));
        }
        return services;
    };
    if entries.0.is_empty() {
        let issue = Issue::new("policy/missing-key", "`kms` names no key management service");
        check.push(
            issue.at(at).label("leave it out for a local keyring, or name one: `main: { local: { keyring: … } }`"),
        );
    }
    let mut references = Vec::new();
    for (key, value) in &entries.0 {
        let (Some(name), Some((KmsFile(kind), at))) = (&key.value, value.get()) else { continue };
        if name.is_empty() {
            check.push(Issue::new("policy/bad-name", "a name must not be empty").at(key.at).label("name of a KMS"));
        }
        let node = Node { kind: kind.clone(), at };
        services.extend(service(&node, (name, key.at), &mut references, check).map(|kms| (name.clone(), kms)));
    }
    let names: Vec<&str> = entries.0.iter().filter_map(|(key, _)| key.value.as_deref()).collect();
    for reference in &references {
        refer(reference, &names, &services, check);
    }
    services
}

/// A keyring file in systemd's state directory, otherwise beside the policy.
fn default(check: &Check<'_>, notes: &mut Vec<String>) -> Option<KmsConfig> {
    let (kind, setting) = DEFAULT;
    let Some(declared) = check.kms.iter().find(|declared| declared.kind == kind) else {
        let issue = Issue::new("policy/missing-key", "the policy names no kms, and this pgveil has no local keyrings");
        check.push(issue.label("name one under `kms`"));
        return None;
    };
    let name = declared.settings.iter().map(|setting| setting.name).find(|name| *name == setting)?;
    let keyring = match check.state_directory() {
        Some(directory) => directory.join("keyring"),
        None => check.folder.join("pgveil-keyring"),
    };
    notes.push(format!("the policy names no kms: keys live in the local keyring {}", keyring.display()));
    Some(KmsConfig { kind: declared.kind, settings: KmsSettings::from_iter([(name, SettingValue::Path(keyring))]) })
}

fn service<'a>(
    node: &Node,
    (name, owner): (&'a str, At),
    references: &mut Vec<Reference<'a>>,
    check: &Check<'_>,
) -> Option<KmsConfig> {
    let declared = check.kms.iter().map(|declared| declared.kind);
    let absent = BUILT
        .iter()
        .chain(&LATER)
        .map(|(kind, _)| *kind)
        .filter(|kind| check.kms.iter().all(|declared| declared.kind != *kind));
    let kinds: Vec<&str> = declared.chain(absent).collect();
    let (key, content) = reader::one_of(node, owner, &kinds, check.issues)?;
    let Some(declared) = check.kms.iter().find(|declared| Some(declared.kind) == key.scalar()) else {
        absent_kind(key.scalar().unwrap_or_default(), key.at, check);
        return None;
    };
    let names: Vec<&str> = declared.settings.iter().map(|setting| setting.name).collect();
    let entries = reader::entries(content, key.at, &names, check.issues)?;
    let mut settings = BTreeMap::new();
    let mut places = BTreeMap::new();
    let mut fine = true;
    for setting in declared.settings {
        let Some((key, value)) = entries.iter().find(|(key, _)| key.scalar() == Some(setting.name)) else {
            if setting.required {
                reader::missing(setting.name, content, key.at, check.issues);
                fine = false;
            }
            continue;
        };
        // `passphrase:` with nothing after it is no passphrase.
        if value.kind == Kind::Null && !setting.required {
            continue;
        }
        places.insert(setting.name, value.at);
        match read(declared, setting, (value, key.at), check) {
            Some(value) => {
                if let SettingValue::Kms(to) = &value {
                    let (kind, setting, to) = (declared.kind, setting.name, to.clone());
                    references.push(Reference {
                        kind,
                        setting,
                        from: name,
                        to,
                        at: value_at(&places, setting, key.at),
                    });
                }
                settings.insert(setting.name, value);
            }
            None => fine = false,
        }
    }
    let settings = KmsSettings::from_iter(settings);
    if let (true, Some(rule)) = (fine, declared.rule)
        && let Err(misfit) = rule(&settings)
    {
        let at = value_at(&places, misfit.setting, key.at);
        check.push(Issue::new("policy/bad-value", misfit.message).at(at).label(misfit.instead));
    }
    Some(KmsConfig { kind: declared.kind, settings })
}

/// Where a setting stands; what is not there is shown by its owner.
fn value_at(places: &BTreeMap<&str, At>, setting: &str, owner: At) -> At {
    places.get(setting).copied().unwrap_or(owner)
}

fn absent_kind(kind: &str, at: At, check: &Check<'_>) {
    match BUILT.iter().find(|(name, _)| *name == kind) {
        Some((_, feature)) => {
            let issue = Issue::new(
                "policy/not-yet",
                format!("this pgveil was built without `{kind}` as key management service"),
            );
            check.push(issue.at(at).label("not in this build").help(format!("build it with the feature `{feature}`")));
        }
        None => check.not_yet(
            at,
            format_args!("`{kind}` as key management service"),
            "write `local: { keyring: PATH }`: a keyring file on this host",
        ),
    }
}

fn read(
    declared: &Declaration,
    setting: &Setting,
    (node, owner): (&Node, At),
    check: &Check<'_>,
) -> Option<SettingValue> {
    let path = || format!("{}.{}", declared.kind, setting.name);
    if setting.value == SettingKind::Secret {
        let field: Field<SecretText> = reader::value(node, owner, check.issues);
        return check.secret(Some(&field)).map(SettingValue::Secret);
    }
    let field: Field<String> = reader::value(node, owner, check.issues);
    let (text, at) = field.get()?;
    let wrong = |label: String| {
        let issue = Issue::new("policy/bad-value", format!("`{}` cannot be `{}`", path(), reader::shorten(text)));
        check.push(issue.at(at).label(label));
    };
    let value = match setting.value {
        SettingKind::Path => SettingValue::Path(check.path(text, at)),
        SettingKind::Text if text.is_empty() || text.contains(char::is_control) => {
            let fault = if text.is_empty() { "is empty" } else { "holds a control character" };
            check.push(Issue::new("policy/bad-value", format!("`{}` {fault}", path())).at(at).label("expected text"));
            return None;
        }
        SettingKind::Url => {
            if let Err(why) = scalars::url(text) {
                check.push(Issue::new("policy/bad-address", format!("`{}` is not a URL", path())).at(at).label(why));
                return None;
            }
            SettingValue::Text(text.clone())
        }
        SettingKind::Kms => SettingValue::Kms(text.clone()),
        SettingKind::Text | SettingKind::Secret => SettingValue::Text(text.clone()),
    };
    if let Some(Err(expected)) = setting.check.map(|check| check(text)) {
        wrong(expected);
        return None;
    }
    Some(value)
}

/// A service may lean on another one of the policy, which has to stand by itself: so there are no circles.
fn refer(reference: &Reference<'_>, names: &[&str], services: &BTreeMap<String, KmsConfig>, check: &Check<'_>) {
    let Reference { kind, setting, from, to, at } = reference;
    let others: Vec<&str> = names.iter().copied().filter(|name| name != from).collect();
    let issue = if to == from {
        Issue::new("policy/bad-value", format!("`{kind}.{setting}` of `{}` names itself", reader::shorten(from)))
            .label("expected another kms of the policy")
    } else if !names.contains(&to.as_str()) {
        Issue::new("policy/unknown-kms", format!("there is no kms called `{}`", reader::shorten(to)))
            .label(near::suggestion(to, &others))
    } else if let Some(other) = services.get(to).map(|kms| kms.kind)
        && check.kms.iter().any(|declared| declared.kind == other && declared.under_another())
    {
        Issue::new(
            "policy/bad-value",
            format!("`{kind}.{setting}` names `{}`, which is itself under another kms", reader::shorten(to)),
        )
        .label(format!("expected a kms that is not `{other}`"))
    } else {
        return;
    };
    check.push(issue.at(*at));
}
