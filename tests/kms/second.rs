//! A provider in one file: the seam that [docs/kms/adding-a-provider.md] describes, tried with a service of
//! another dialect (REST with a bearer token, like Scaleway's Key Manager). Declared, opened by a policy, through
//! the contract, and side by side with AWS in a keystore.

use std::{sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use pgveil::{
    config::{
        Declaration, Secret,
        kms::{Setting, SettingKind},
    },
    kms::{
        Capabilities, Condition, Description, Directory, KekRef, KeyBytes, KeyVersion, Kms, KmsError, KmsErrorKind,
        KmsFuture, Opening, PROVIDERS, Permission, Principal, Provider, WrapContext, Wrapped, aws, local,
    },
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use zeroize::Zeroizing;

use super::{
    contract::{self, Quirks, Subject},
    opened::{context, try_policy_of},
};
use crate::fake_kms::{FakeKms, Outage, REST_TOKEN};

const ALGORITHM: &str = "rest-aes-256-gcm";

const fn setting(name: &'static str, value: SettingKind, doc: &'static str) -> Setting {
    Setting { name, value, required: true, doc, check: None }
}

const REST: Provider = Provider {
    declaration: Declaration {
        kind: "rest",
        summary: "A key management service for tests.",
        settings: &[
            setting("url", SettingKind::Url, "Where it answers."),
            setting("key", SettingKind::Text, "The key's id."),
            setting("token", SettingKind::Secret, "The token that opens it."),
        ],
        rule: None,
    },
    open: |opening| Box::pin(async move { Ok(Arc::new(Rest::open(opening)?) as Arc<dyn Kms>) }),
};

static ALL: &[Provider] = &[local::PROVIDER, aws::PROVIDER, REST];

struct Rest {
    name: String,
    authority: String,
    key: String,
    token: Secret,
}

impl Rest {
    fn open(opening: Opening<'_>) -> Result<Self, KmsError> {
        let settings = opening.settings;
        let key = settings.text("key").unwrap().to_owned();
        // What a keystore says is not believed: it may only name the policy's key.
        if let Some(pin) = opening.pin.filter(|pin| pin.key_ref != key) {
            let message = format!("the keystore names `{}`, the policy allows `{key}`", pin.key_ref);
            return Err(KmsError::new(opening.name, KmsErrorKind::Misconfigured, message));
        }
        Ok(Self {
            name: opening.name.to_owned(),
            authority: settings.text("url").unwrap().trim_start_matches("http://").to_owned(),
            key,
            token: settings.secret("token").unwrap().clone(),
        })
    }

    fn error(&self, kind: KmsErrorKind, message: impl Into<String>) -> KmsError {
        KmsError::new(&self.name, kind, message)
    }

    async fn call(&self, method: &str, operation: &str, arguments: &Value) -> Result<Value, KmsError> {
        let gone = |error: std::io::Error| self.error(KmsErrorKind::Unavailable, error.to_string());
        let mut stream = TcpStream::connect(&self.authority).await.map_err(gone)?;
        let body = arguments.to_string();
        let request = format!(
            "{method} /key-manager/v1alpha1/regions/fr-par/keys/{}{operation} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            self.key,
            self.authority,
            *self.token.resolve().unwrap(),
            body.len()
        );
        stream.write_all(request.as_bytes()).await.map_err(gone)?;
        let mut reply = String::new();
        stream.read_to_string(&mut reply).await.map_err(gone)?;
        let (head, body) = reply.split_once("\r\n\r\n").unwrap_or_default();
        let status = head.get(9..12).unwrap_or_default();
        if status == "200" {
            return serde_json::from_str(body)
                .map_err(|error| self.error(KmsErrorKind::Unavailable, error.to_string()));
        }
        let retry_after = head.lines().find_map(|line| line.strip_prefix("retry-after: ")?.parse().ok());
        let kind = match status {
            "401" => KmsErrorKind::AuthExpired,
            "403" => KmsErrorKind::Denied,
            "404" => KmsErrorKind::NotFound,
            "412" => KmsErrorKind::Disabled,
            "429" => KmsErrorKind::Throttled,
            "400" if operation == "/decrypt" => KmsErrorKind::Integrity,
            "400" => KmsErrorKind::Misconfigured,
            _ => KmsErrorKind::Unavailable,
        };
        Err(self.error(kind, format!("{operation}: HTTP {status}")).retry_after(retry_after.map(Duration::from_secs)))
    }

    fn bytes(&self, reply: &Value, name: &str) -> Result<Vec<u8>, KmsError> {
        let text = reply.get(name).and_then(Value::as_str).unwrap_or_default();
        BASE64.decode(text).map_err(|_| self.error(KmsErrorKind::Integrity, format!("no {name}")))
    }
}

impl Kms for Rest {
    fn kind(&self) -> &'static str {
        REST.declaration.kind
    }

    fn key_ref(&self) -> String {
        self.key.clone()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            generates: false,
            generates_sealed: false,
            binds_context: true,
            rewraps: false,
            has_versions: false,
            rotates_in_place: false,
            max_plaintext: 65_535,
            exportable: false,
            remote: true,
        }
    }

    fn wrap<'a>(&'a self, key: &'a [u8; 32], context: &'a WrapContext) -> KmsFuture<'a, Wrapped> {
        Box::pin(async move {
            let (plaintext, data) = (BASE64.encode(key), BASE64.encode(context.canonical()));
            let arguments = json!({ "plaintext": plaintext, "associated_data": data });
            let reply = self.call("POST", "/encrypt", &arguments).await?;
            let blob = self.bytes(&reply, "ciphertext")?;
            Ok(Wrapped { blob, algorithm: ALGORITHM.to_owned(), provider_version: None, request_id: None })
        })
    }

    fn unwrap<'a>(&'a self, wrapped: &'a Wrapped, context: &'a WrapContext) -> KmsFuture<'a, KeyBytes> {
        Box::pin(async move {
            if wrapped.algorithm != ALGORITHM {
                return Err(self.error(KmsErrorKind::Integrity, "wrapped by another service"));
            }
            let (blob, data) = (BASE64.encode(&wrapped.blob), BASE64.encode(context.canonical()));
            let arguments = json!({ "ciphertext": blob, "associated_data": data });
            let reply = self.call("POST", "/decrypt", &arguments).await?;
            let plaintext = Zeroizing::new(self.bytes(&reply, "plaintext")?);
            let key = KeyBytes::copied(&plaintext);
            key.ok_or_else(|| self.error(KmsErrorKind::Integrity, "no key of 32 bytes"))
        })
    }

    fn describe(&self) -> KmsFuture<'_, Description> {
        Box::pin(async move {
            let reply = self.call("GET", "", &Value::Null).await?;
            let condition = match reply["state"].as_str() {
                Some("enabled") => Condition::Enabled,
                Some("disabled") => Condition::Disabled,
                Some("scheduled_for_deletion") => Condition::PendingDestroy(None),
                _ => Condition::Unavailable,
            };
            Ok(Description { key_ref: self.key.clone(), condition, created_at: None, facts: Vec::new() })
        })
    }

    fn versions(&self) -> KmsFuture<'_, Vec<KeyVersion>> {
        Box::pin(async move { Ok(vec![KeyVersion { id: self.key.clone(), created_at: None, is_primary: true }]) })
    }

    fn rotate(&self) -> KmsFuture<'_, String> {
        Box::pin(async move { Err(self.error(KmsErrorKind::Misconfigured, "this service has no rotation")) })
    }

    fn principal(&self) -> KmsFuture<'_, Principal> {
        let (identity, source) = ("who has the token".to_owned(), "policy".to_owned());
        Box::pin(async move { Ok(Principal { identity, source, grant: "a token".to_owned() }) })
    }

    fn permissions(&self) -> KmsFuture<'_, Vec<Permission>> {
        Box::pin(async move {
            let outcome = self.describe().await.map(drop);
            Ok(vec![Permission { name: "get-key", purpose: "sees the key", required: true, outcome }])
        })
    }
}

/// A policy with a service of each kind.
fn services(fake: &FakeKms) -> Vec<(&'static str, String)> {
    let rest = |key: String| {
        let id = key.rsplit('/').next().unwrap().to_owned();
        format!("rest: {{ url: \"{}\", key: \"{id}\", token: {REST_TOKEN} }}", fake.endpoint())
    };
    vec![
        ("cloud", fake.policy(&fake.create_key())),
        ("rest", rest(fake.create_key())),
        ("other", rest(fake.create_key())),
    ]
}

pub(crate) fn directory(fake: &FakeKms) -> Directory {
    let declarations: Vec<_> = ALL.iter().map(|provider| &provider.declaration).collect();
    let policy = try_policy_of(&services(fake), &declarations).unwrap();
    Directory::new(&policy).with_providers(ALL)
}

#[tokio::test]
async fn a_provider_of_one_file_holds_the_contract() {
    let fake = FakeKms::start();
    let directory = directory(&fake);
    let (key, other) = (directory.open("rest").await.unwrap(), directory.open("other").await.unwrap());
    contract::holds(&Subject { key, other, rotates: false, quirks: Quirks::default() }).await;
}

#[tokio::test]
async fn its_faults_have_their_classes_and_its_guards_are_everybodys() {
    let fake = FakeKms::start();
    let kms = directory(&fake).open("rest").await.unwrap();
    fake.throttle(1, None);
    kms.wrap(&[1; 32], &context(1)).await.unwrap();
    assert_eq!(fake.calls("encrypt"), 2, "it was tried again");
    fake.outage(Outage::Status(503));
    assert_eq!(kms.wrap(&[1; 32], &context(1)).await.unwrap_err().kind, KmsErrorKind::Unavailable);
    fake.heal();
    fake.disable(&kms.key_ref());
    assert_eq!(kms.wrap(&[1; 32], &context(1)).await.unwrap_err().kind, KmsErrorKind::Disabled);
}

#[tokio::test]
async fn keys_move_between_it_and_aws() {
    let fake = FakeKms::start();
    let directory = directory(&fake);
    let (rest, cloud) = (directory.open("rest").await.unwrap(), directory.open("cloud").await.unwrap());
    let first = cloud.generate(&context(1), true).await.unwrap();
    let there = rest.rewrap(&*cloud, &first.wrapped, &context(1), &context(2)).await.unwrap();
    let back = cloud.rewrap(&*rest, &there, &context(2), &context(3)).await.unwrap();
    assert_eq!(cloud.unwrap(&back, &context(3)).await.unwrap().expose(), first.plaintext.unwrap().expose());
    assert_eq!(fake.calls("ReEncrypt"), 0, "no service sees into the other");
}

#[tokio::test]
async fn a_keystore_cannot_choose_its_key() {
    let fake = FakeKms::start();
    let directory = directory(&fake);
    let (rest, other) = (directory.open("rest").await.unwrap(), directory.open("other").await.unwrap());
    let pin = |key_ref: String| KekRef {
        kms: Some("rest".to_owned()),
        provider: "rest".to_owned(),
        key_ref,
        material: None,
        created_at: None,
    };
    assert_eq!(directory.open_kek(&pin(rest.key_ref())).await.unwrap().key_ref(), rest.key_ref());
    let error = directory.open_kek(&pin(other.key_ref())).await.err().unwrap();
    assert_eq!(error.kind, KmsErrorKind::Misconfigured, "{error}");
}

#[test]
fn a_policy_that_lacks_its_settings_names_them() {
    let declarations: Vec<_> = ALL.iter().map(|provider| &provider.declaration).collect();
    let findings = try_policy_of(&[("rest", "rest: { key: x }".to_owned())], &declarations).map(drop).unwrap_err();
    assert!(findings.contains("url"), "{findings}");
    // Only providers that are there: pgveil's own list does not have it.
    assert!(PROVIDERS.iter().all(|provider| provider.declaration.kind != "rest"));
}
