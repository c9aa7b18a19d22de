//! Key management services and settings of keys. What is refused stands in `bad/`.

use std::{path::Path, time::Duration};

use super::{KINDS, codes, load, load_with, rendered};
use crate::config::{FailurePolicy, Keys, Policy, Secret, load_from};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A policy that gives no finding at all.
fn clean(text: &str) -> Policy {
    let loaded = load(text).unwrap_or_else(|findings| panic!("{}", findings.first().unwrap().rendered));
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    loaded.policy
}

#[test]
fn every_kind_of_setting_is_carried_over() {
    let text = "
upstream: { hosts: db }
kms:
  main: { local: { keyring: ring, passphrase: { env: PHRASE } } }
  org: { byok: { under: main } }
  prod:
    aws:
      key: arn:aws:kms:eu-central-1:111122223333:key/x
      region: eu-central-1
      endpoint: http://127.0.0.1:4566/kms
      token: { file: token }
keys: { kms: org }
";
    let loaded = load_from(Path::new("/etc/pgveil/policy.yaml"), text.as_bytes(), [], &KINDS).unwrap();
    assert!(loaded.warnings.is_empty() && loaded.notes.is_empty());
    let policy = loaded.policy;
    assert_eq!(policy.keys.kms, "org");
    let get = |name: &str| policy.kms.get(name).unwrap();
    let (main, org, prod) = (get("main"), get("org"), get("prod"));
    assert_eq!((main.kind, org.kind, prod.kind), ("local", "byok", "aws"));
    assert_eq!(main.settings.path("keyring"), Some(Path::new("/etc/pgveil/ring")));
    assert!(matches!(main.settings.secret("passphrase"), Some(Secret::Env(name)) if name == "PHRASE"));
    assert_eq!(org.settings.other("under"), Some("main"));
    assert_eq!(prod.settings.text("key"), Some("arn:aws:kms:eu-central-1:111122223333:key/x"));
    assert_eq!(prod.settings.text("endpoint"), Some("http://127.0.0.1:4566/kms"));
    assert!(
        matches!(prod.settings.secret("token"), Some(Secret::File(path)) if path == Path::new("/etc/pgveil/token"))
    );
    // What is not given, or is of another kind of value, is not there.
    assert!(main.settings.text("keyring").is_none() && org.settings.text("under").is_none());
    assert!(prod.settings.path("key").is_none() && prod.settings.text("profile").is_none());
    assert!(main.settings.other("passphrase").is_none() && main.settings.secret("keyring").is_none());
}

#[test]
fn a_setting_with_nothing_after_it_is_not_given() {
    let text = "upstream: { hosts: db }\nkms: { main: { local: { keyring: ring, passphrase: } } }";
    assert!(clean(text).kms.get("main").unwrap().settings.secret("passphrase").is_none());
    let text = "upstream: { hosts: db }\nkms: { main: { local: { keyring: } } }";
    let findings = load(text).unwrap_err();
    assert_eq!(findings.first().unwrap().message, "expected text, found nothing");
}

#[test]
fn a_service_may_come_from_the_environment() {
    let vars = [
        ("PGVEIL_UPSTREAM__HOSTS", "db"),
        ("PGVEIL_KMS__PROD__AWS__KEY", "alias/app"),
        ("PGVEIL_KMS__PROD__AWS__REGION", "eu-central-1"),
        ("PGVEIL_KMS__PROD__AWS__TOKEN__ENV", "PGVEIL_TOKEN"),
        ("PGVEIL_TOKEN", "hunter2"),
    ];
    let loaded = load_with("", &vars).unwrap();
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    let prod = loaded.policy.kms.get("prod").unwrap();
    assert_eq!((prod.kind, prod.settings.text("key")), ("aws", Some("alias/app")));
    assert!(matches!(prod.settings.secret("token"), Some(Secret::Env(name)) if name == "PGVEIL_TOKEN"));
}

#[test]
fn the_environment_changes_a_setting_or_the_kind() {
    let text = "upstream: { hosts: db }\nkms: { main: { local: { keyring: /a } } }";
    let one = |vars: &[(&str, &str)]| load_with(text, vars).unwrap().policy.kms.get("main").unwrap().clone();
    let main = one(&[("PGVEIL_KMS__MAIN__LOCAL__KEYRING", "/b")]);
    assert_eq!((main.kind, main.settings.path("keyring")), ("local", Some(Path::new("/b"))));
    let vars = [("PGVEIL_KMS__MAIN__AWS__KEY", "alias/app"), ("PGVEIL_KMS__MAIN__AWS__REGION", "eu-central-1")];
    let main = one(&vars);
    assert_eq!((main.kind, main.settings.text("key")), ("aws", Some("alias/app")));
}

#[test]
fn a_bad_setting_from_the_environment_names_its_variable() {
    let text = "upstream: { hosts: db }\nkms: { prod: { aws: { key: alias/x, region: eu-central-1 } } }";
    assert_eq!(
        rendered(load_with(text, &[("PGVEIL_KMS__PROD__AWS__KEY", "app")])),
        "\
error[policy/bad-value]: environment variable PGVEIL_KMS__PROD__AWS__KEY: `aws.key` cannot be `app`
 --> environment:1:28
  |
1 | PGVEIL_KMS__PROD__AWS__KEY=app
  |                            ^^^ expected `arn:aws:kms:REGION:ACCOUNT:key/ID` or `alias/NAME`"
    );
}

/// `token` says by no letter that it is a secret; its declaration does.
#[test]
fn a_declared_secret_is_never_shown() {
    let text = "
upstream: { hosts: db }
kms:
  prod: { aws: { key: app, region: x, token: hunter2 } }
  next: { aws: { key: app, region: x, tokne: hunter2 } }
";
    let found = rendered(load(text));
    assert!(found.contains("token: *******") && found.contains("tokne: *******"), "{found}");
    assert!(!found.contains("hunter2"), "{found}");
    let found = rendered(load_with("upstream: { hosts: db }", &[("PGVEIL_KMS__PROD__AWS__TOKEN__VRA", "hunter2")]));
    assert!(found.contains("policy/"), "{found}");
    let found = rendered(load_with("upstream: { hosts: db }", &[("PGVEIL_KMS__PROD__AWS__TOKN", "hunter2")]));
    assert!(found.contains("TOKN=***") && !found.contains("hunter2"), "{found}");
    let found = rendered(load("upstream: { hosts: db }\nkms: { p: { aws: { token:hunter2, 'token: hunter2': x } } }"));
    assert!(found.contains("unknown key `token:***`") && !found.contains("hunter2"), "{found}");
    let found = rendered(load("upstream: { hosts: db }\nservice: { passwort:hunter2 }"));
    assert!(found.contains("unknown key `passwort:***`") && !found.contains("hunter2"), "{found}");
    let policy = load("upstream: { hosts: db }\nkms: { p: { aws: { key: alias/x, region: x, token: hunter2 } } }");
    assert!(!format!("{policy:?}").contains("hunter2"));
}

#[test]
fn a_pgveil_without_local_keyrings_wants_a_kms_named() {
    let load = |text: &str| load_from(Path::new("policy.yaml"), text.as_bytes(), [], &[]);
    let findings = load("upstream: { hosts: db }").unwrap_err();
    assert_eq!(findings.iter().map(|f| f.code).collect::<Vec<_>>(), ["policy/missing-key"]);
    let found = rendered(load("upstream: { hosts: db }\nkms: { main: { local: { keyring: ring } } }"));
    assert!(found.contains("this pgveil was built without `local`"), "{found}");
    assert!(found.contains("build it with the feature `kms-local`"), "{found}");
}

#[test]
fn what_is_said_about_keys_is_carried_over() {
    let text = "
upstream: { hosts: db }
owner: { user: pgveil_owner, password: { file: owner-password } }
keys:
  failure_policy: open
  max_unverified: 5min
  fail_open_max: 2d
  cache_ttl: 10min
  dek_epoch: 30d
  dek_max_uses: 4294967296
  kek_rotation: 365d
  state: /var/lib/pgveil/seen
";
    let policy = clean(text);
    let owner = policy.owner.unwrap();
    assert_eq!(owner.user, "pgveil_owner");
    assert!(matches!(owner.password, Some(Secret::File(path)) if path == Path::new("owner-password")));
    let keys = policy.keys;
    assert_eq!(keys.failure_policy, FailurePolicy::Open);
    assert_eq!((keys.max_unverified, keys.fail_open_max), (Duration::from_secs(300), 2 * DAY));
    assert_eq!((keys.cache_ttl, keys.dek_epoch), (Duration::from_secs(600), Some(30 * DAY)));
    assert_eq!((keys.dek_max_uses, keys.kek_rotation), (1 << 32, Some(365 * DAY)));
    assert_eq!(keys.state.as_deref(), Some(Path::new("/var/lib/pgveil/seen")));
}

#[test]
fn without_a_word_about_them_keys_have_the_defaults_of_the_model() {
    let policy = clean("upstream: { hosts: db }");
    assert!(policy.owner.is_none());
    let default = Keys { state: Some("pgveil-epochs".into()), ..Keys::with_defaults("local") };
    assert_eq!(format!("{:?}", policy.keys), format!("{default:?}"));
    assert_eq!((default.max_unverified, default.fail_open_max), (Duration::from_secs(60), DAY));
    assert_eq!((default.cache_ttl, default.dek_epoch), (Duration::from_secs(3600), Some(90 * DAY)));
    assert_eq!((default.dek_max_uses, default.kek_rotation), (1 << 30, None));
}

#[test]
fn zero_is_literal_for_max_unverified_and_off_for_rotations() {
    let keys = clean("upstream: { hosts: db }\nkeys: { max_unverified: 0, dek_epoch: 0, kek_rotation: 0d }").keys;
    assert_eq!((keys.max_unverified, keys.dek_epoch, keys.kek_rotation), (Duration::ZERO, None, None));
}

#[test]
fn the_edges_of_each_range_are_inside() {
    for text in [
        "dek_max_uses: 1",
        "max_unverified: 2s",
        "max_unverified: 1d",
        "failure_policy: open, fail_open_max: 60s",
        "failure_policy: open, fail_open_max: 30d",
        "failure_policy: open, max_unverified: 0, fail_open_max: 2s",
        "cache_ttl: 1s",
        "cache_ttl: 7d",
        "dek_epoch: 10s, kek_rotation: 10s",
        "dek_epoch: 3650d, kek_rotation: 3650d",
    ] {
        clean(&format!("upstream: {{ hosts: db }}\nkeys: {{ {text} }}"));
    }
}

#[test]
fn what_this_host_remembers_lives_beside_the_policy_or_in_the_state_directory() {
    let state = |vars: &[(&str, &str)]| {
        let vars = vars.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        load_from(Path::new("/etc/pgveil/p.yaml"), b"upstream: { hosts: db }", vars, &KINDS).unwrap().policy.keys.state
    };
    assert_eq!(state(&[]).as_deref(), Some(Path::new("/etc/pgveil/pgveil-epochs")));
    let directory = ("STATE_DIRECTORY", "/var/lib/pgveil:/var/lib/other");
    assert_eq!(state(&[directory]).as_deref(), Some(Path::new("/var/lib/pgveil/epochs")));
    let named = ("PGVEIL_KEYS__STATE", "seen");
    assert_eq!(state(&[directory, named]).as_deref(), Some(Path::new("/etc/pgveil/seen")));
}

#[test]
fn keys_may_be_set_by_environment() {
    let vars = [
        ("PGVEIL_KEYS__FAILURE_POLICY", "open"),
        ("PGVEIL_KEYS__FAIL_OPEN_MAX", "12h"),
        ("PGVEIL_KEYS__DEK_MAX_USES", "1000"),
        ("PGVEIL_OWNER__USER", "pgveil_owner"),
        ("PGVEIL_OWNER__PASSWORD", "hunter2"),
    ];
    let loaded = load_with("upstream: { hosts: db }", &vars).unwrap();
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    assert_eq!((loaded.policy.keys.fail_open_max, loaded.policy.keys.dek_max_uses), (DAY / 2, 1000));
    assert_eq!(loaded.policy.owner.unwrap().user, "pgveil_owner");
    let closed = load_with("upstream: { hosts: db }", &[("PGVEIL_KEYS__FAIL_OPEN_MAX", "12h")]);
    assert_eq!(codes(closed), ["policy/no-effect"]);
}
