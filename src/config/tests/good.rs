//! What a good policy turns into.

use std::path::{Path, PathBuf};

use super::{KINDS, codes, load, load_with};
use crate::{
    config::{
        AuthMethod, FailurePolicy, Listen, LogFormat, Mode, OnError, ProtectedColumn, Secret, Storage, load_from,
    },
    crypto::{Cipher, Padding},
    values::{LogicalType, Normalize},
};

/// The file of the design note, as users meet it in the documentation.
const WHOLE: &str = r#"
listen: 127.0.0.1:6432
auth: relay
tls: { mode: off }
upstream:
  hosts: [127.0.0.1:5432]
  sslmode: prefer
service: { user: pgveil, password: { env: PGVEIL_SERVICE_PASSWORD } }
kms:
  main: { local: { keyring: /var/lib/pgveil/keyring } }
keys:
  kms: main
  failure_policy: closed
databases:
  app:
    tables:
      people:
        columns:
          email:  { type: varchar(120), mode: equality, normalize: [lower, trim], domain: email }
          ssn:    { type: char(11), mode: equality }
          birth:  { type: date }
          salary: { type: "numeric(12,2)" }
          notes:  { type: text, padding: padme, cipher: aes-256-gcm-siv, on_error: error }
      archive.people_2019:
        columns:
          ssn:    { type: char(11), mode: equality, identity: public.people.ssn }
        allow_functions: []
limits: { max_connections: 1000, max_value: 64MiB, plan_cache: 64MiB }
metrics: { listen: 127.0.0.1:9187 }
log: { level: info, format: text }
"#;

#[test]
fn the_policy_of_the_documentation_loads_without_a_warning() {
    let loaded = load(WHOLE).unwrap();
    assert!(loaded.warnings.is_empty() && loaded.notes.is_empty(), "{:?}", loaded.warnings);
    let policy = loaded.policy;
    assert_eq!(policy.listen, [Listen::Tcp("127.0.0.1".into(), 6432)]);
    assert_eq!(policy.upstream.hosts, [("127.0.0.1".to_owned(), 5432)]);
    assert_eq!(policy.service.user, "pgveil");
    assert!(matches!(policy.service.password, Some(Secret::Env(ref name)) if name == "PGVEIL_SERVICE_PASSWORD"));
    let main = policy.kms.get("main").unwrap();
    assert_eq!((main.kind, main.settings.path("keyring")), ("local", Some(Path::new("/var/lib/pgveil/keyring"))));
    assert!(main.settings.secret("passphrase").is_none());
    assert_eq!(policy.metrics, Some("127.0.0.1:9187".parse().unwrap()));
    assert_eq!(policy.protected_columns(), 6);
    let app = policy.databases.get("app").unwrap();
    assert_eq!(app.name, "app");
    let tables: Vec<_> = app.tables.iter().map(|t| (t.schema.as_str(), t.name.as_str(), t.columns.len())).collect();
    assert_eq!(tables, [("public", "people", 5), ("archive", "people_2019", 1)]);
    assert_eq!(app.tables.first().unwrap().position, (17, 7));
}

#[test]
fn columns_keep_what_the_file_says_about_them() {
    let policy = load(WHOLE).unwrap().policy;
    let app = policy.databases.get("app").unwrap();
    let email = ProtectedColumn {
        ordinal: 0,
        schema: "public".into(),
        table: "people".into(),
        name: "email".into(),
        ty: LogicalType::Varchar(Some(120)),
        mode: Mode::Equality,
        storage: Storage::Bytea,
        domain: "email".into(),
        normalize: vec![Normalize::Lower, Normalize::Trim],
        padding: Padding::None,
        cipher: Cipher::Aes256Gcm,
        on_error: OnError::Error,
        identity: "public.people.email".into(),
        allow_low_cardinality: false,
        position: (19, 11),
    };
    assert_eq!(**app.columns.first().unwrap(), email);
    let notes = app.columns.get(4).unwrap();
    assert_eq!((notes.padding, notes.cipher, notes.mode), (Padding::Padme, Cipher::Aes256GcmSiv, Mode::Randomized));
    let archived = app.columns.get(5).unwrap();
    assert_eq!((archived.identity.as_str(), archived.domain.as_str()), ("public.people.ssn", "public.people.ssn"));
    assert_eq!(archived.path(), "archive.people_2019.ssn");
    let silent = WHOLE.replace("on_error: error", "on_error: null");
    let policy = load(&silent).unwrap().policy;
    assert_eq!(policy.databases.get("app").unwrap().columns.get(4).unwrap().on_error, OnError::Null);
    for (index, column) in app.columns.iter().enumerate() {
        assert_eq!(column.ordinal, index);
    }
    let of_tables: Vec<_> = app.tables.iter().flat_map(|t| &t.columns).collect();
    assert_eq!(of_tables, app.columns.iter().collect::<Vec<_>>());
}

#[test]
fn one_line_is_a_policy_and_the_rest_are_defaults() {
    let loaded = load("upstream: { hosts: db }").unwrap();
    let policy = loaded.policy;
    assert_eq!(policy.listen, [Listen::Tcp("127.0.0.1".into(), 6432)]);
    assert_eq!(policy.upstream.hosts, [("db".to_owned(), 5432)]);
    assert_eq!((policy.auth.method, policy.keys.failure_policy), (AuthMethod::Relay, FailurePolicy::Closed));
    assert_eq!((policy.service.user.as_str(), policy.service.password.is_none()), ("pgveil", true));
    assert_eq!((policy.limits.max_connections, policy.limits.max_value), (1000, 64 << 20));
    assert_eq!((policy.limits.plan_cache, policy.metrics), (64 << 20, None));
    assert_eq!((policy.log.level.as_str(), policy.log.format), ("info", LogFormat::Text));
    assert!(policy.databases.is_empty());
    let local = policy.kms.get(&policy.keys.kms).unwrap();
    assert_eq!((local.kind, local.settings.path("keyring")), ("local", Some(Path::new("pgveil-keyring"))));
    assert_eq!(loaded.notes, ["the policy names no kms: keys live in the local keyring pgveil-keyring"]);
}

#[test]
fn under_systemd_the_default_keyring_lives_in_the_state_directory() {
    let policy =
        load_with("upstream: { hosts: db }", &[("STATE_DIRECTORY", "/var/lib/pgveil:/var/lib/other")]).unwrap().policy;
    let keyring = policy.kms.get(&policy.keys.kms).unwrap().settings.path("keyring");
    assert_eq!(keyring, Some(Path::new("/var/lib/pgveil/keyring")));
}

#[test]
fn relative_paths_start_at_the_folder_of_the_policy_file() {
    let text = "
listen: [unix:run, unix:/run/pgveil]
upstream: { hosts: [/run/postgresql, \"[::1]:5433\"] }
service: { password: { file: secrets/service } }
kms: { main: { local: { keyring: keyring, passphrase: { file: /secrets/phrase } } } }
";
    let policy = load_from(Path::new("/etc/pgveil/policy.yaml"), text.as_bytes(), [], &KINDS).unwrap().policy;
    assert_eq!(policy.listen, [Listen::Unix("/etc/pgveil/run".into()), Listen::Unix("/run/pgveil".into())]);
    assert_eq!(policy.upstream.hosts, [("/run/postgresql".to_owned(), 5432), ("::1".to_owned(), 5433)]);
    let file = |secret: Option<&Secret>| match secret {
        Some(Secret::File(path)) => path.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(file(policy.service.password.as_ref()), PathBuf::from("/etc/pgveil/secrets/service"));
    let main = &policy.kms.get("main").unwrap().settings;
    assert_eq!(main.path("keyring"), Some(Path::new("/etc/pgveil/keyring")));
    assert_eq!(file(main.secret("passphrase")), PathBuf::from("/secrets/phrase"));
}

#[test]
fn odd_names_are_kept_verbatim() {
    let text = r#"
upstream: { hosts: db }
databases:
  My App:
    tables:
      OddName: { columns: { "Secret x": { type: text }, off: { type: text }, 007: { type: text }, ~: { type: text } } }
      '"a.b".table': { columns: { "c.d": { type: text } } }
"#;
    let policy = load(text).unwrap().policy;
    let columns = &policy.databases.get("My App").unwrap().columns;
    let names: Vec<_> = columns.iter().map(|c| (c.schema.as_str(), c.table.as_str(), c.name.as_str())).collect();
    assert_eq!(
        names,
        [
            ("public", "OddName", "Secret x"),
            ("public", "OddName", "off"),
            ("public", "OddName", "007"),
            ("public", "OddName", "~"),
            ("a.b", "table", "c.d"),
        ]
    );
    assert_eq!(columns.last().unwrap().identity, r#""a.b".table."c.d""#);
}

#[test]
fn aliases_and_merge_keys_spare_repetition() {
    let text = "
upstream: { hosts: db }
databases:
  app:
    tables:
      a: { columns: { x: &sealed { type: text, padding: padme }, y: *sealed } }
      b: { columns: { z: { <<: *sealed, type: bytea, padding: 16 } } }
";
    let policy = load(text).unwrap().policy;
    let columns = &policy.databases.get("app").unwrap().columns;
    let seen: Vec<_> = columns.iter().map(|c| (c.ty, c.padding)).collect();
    assert_eq!(
        seen,
        [
            (LogicalType::Text, Padding::Padme),
            (LogicalType::Text, Padding::Padme),
            (LogicalType::Bytea, Padding::Bucket(16)),
        ]
    );
}

#[test]
fn equality_on_a_bool_is_accepted_when_its_leakage_is() {
    let text = "
upstream: { hosts: db }
databases: { app: { tables: { t: { columns: { b: { type: bool, mode: equality, allow_low_cardinality: true } } } } } }
";
    assert!(codes(load(text)).is_empty());
}

#[test]
fn dollar_signs_have_no_meaning() {
    let policy = load("upstream: { hosts: db }\nservice: { user: \"${USER}\" }").unwrap().policy;
    assert_eq!(policy.service.user, "${USER}");
}

#[test]
fn a_policy_with_an_inline_secret_loads_with_a_warning_and_never_shows_it() {
    let loaded = load("upstream: { hosts: db }\nservice: { password: hunter2 }").unwrap();
    assert_eq!(loaded.warnings.len(), 1);
    assert!(!format!("{loaded:?}").contains("hunter2"));
    assert_eq!(loaded.policy.service.password.unwrap().resolve().unwrap().as_str(), "hunter2");
}
