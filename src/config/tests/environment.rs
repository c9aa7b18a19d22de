//! Overrides by environment variables.

use std::path::Path;

use super::{codes, load_with, rendered};
use crate::config::{FailurePolicy, Listen, LogFormat, Mode, Secret};

const BASE: &str = "
upstream: { hosts: db:5432 }
kms: { Main: { local: { keyring: /a } } }
databases: { app: { tables: { people: { columns: { ssn: { type: text } } } } } }
";

#[test]
fn scalars_lists_and_nested_keys_are_overridden() {
    let loaded = load_with(
        BASE,
        &[
            ("PGVEIL_UPSTREAM__HOSTS", "127.0.0.1:5433, 127.0.0.1:5434"),
            ("PGVEIL_LISTEN", "127.0.0.1:0"),
            ("PGVEIL_LIMITS__MAX_CONNECTIONS", "7"),
            ("PGVEIL_LIMITS__PLAN_CACHE", "1GiB"),
            ("PGVEIL_KEYS__FAILURE_POLICY", "open"),
            ("PGVEIL_LOG__FORMAT", "json"),
            ("PGVEIL_METRICS__LISTEN", "127.0.0.1:9187"),
            ("PGVEIL_KMS__MAIN__LOCAL__KEYRING", "/b"),
            ("PGVEIL_DATABASES__APP__TABLES__PEOPLE__COLUMNS__SSN__MODE", "equality"),
            ("PGVEIL_DATABASES__APP__TABLES__PEOPLE__COLUMNS__SSN__NORMALIZE", "lower,trim"),
            ("UNRELATED", "x"),
        ],
    )
    .unwrap();
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    let policy = loaded.policy;
    assert_eq!(policy.upstream.hosts, [("127.0.0.1".to_owned(), 5433), ("127.0.0.1".to_owned(), 5434)]);
    assert_eq!(policy.listen, [Listen::Tcp("127.0.0.1".into(), 0)]);
    assert_eq!((policy.limits.max_connections, policy.limits.plan_cache), (7, 1 << 30));
    assert_eq!((policy.keys.failure_policy, policy.log.format), (FailurePolicy::Open, LogFormat::Json));
    assert!(policy.metrics.is_some());
    let main = policy.kms.get("Main").expect("matched without regard to case");
    assert_eq!((main.kind, main.settings.path("keyring")), ("local", Some(Path::new("/b"))));
    let column = policy.databases.get("app").unwrap().columns.first().unwrap().clone();
    assert_eq!((column.mode, column.normalize.len()), (Mode::Equality, 2));
}

#[test]
fn the_whole_policy_may_come_from_the_environment() {
    let policy =
        load_with("", &[("PGVEIL_UPSTREAM__HOSTS", "db"), ("PGVEIL_KMS__PROD__LOCAL__KEYRING", "/k")]).unwrap().policy;
    assert_eq!(policy.upstream.hosts, [("db".to_owned(), 5432)]);
    assert!(policy.kms.contains_key("prod") && policy.keys.kms == "prod");
}

#[test]
fn a_bad_override_names_its_variable() {
    let found = rendered(load_with(
        BASE,
        &[("PGVEIL_LIMITS__MAX_CONNECTIONS", "many"), ("PGVEIL_KEYS__FAILURE_POLICY", "opne")],
    ));
    assert_eq!(
        found,
        "\
error[policy/bad-value]: environment variable PGVEIL_KEYS__FAILURE_POLICY: unknown value `opne`
 --> environment:1:29
  |
1 | PGVEIL_KEYS__FAILURE_POLICY=opne
  |                             ^^^^ did you mean `open`? allowed: closed, open

error[policy/wrong-type]: environment variable PGVEIL_LIMITS__MAX_CONNECTIONS: expected a whole number, found `many`
 --> environment:1:32
  |
1 | PGVEIL_LIMITS__MAX_CONNECTIONS=many
  |                                ^^^^ expected a whole number"
    );
}

#[test]
fn an_unknown_variable_is_a_warning_with_a_near_miss() {
    let loaded = load_with(
        BASE,
        &[
            ("PGVEIL_UPSTREAM__HSOTS", "x"),
            ("PGVEIL_LITSEN", "x"),
            ("PGVEIL_IMAGE_TAG", "1.2"),
            ("PGVEIL_UPSTREAM____HOSTS", "x"),
            ("PGVEIL_UPSTREAM__HOSTS__0", "x"),
        ],
    );
    assert_eq!(codes(loaded), ["policy/unknown-variable"; 5]);
    let loaded = load_with(BASE, &[("PGVEIL_UPSTREAM__HSOTS", "x")]).expect("only a warning");
    assert_eq!(
        rendered(Ok(loaded)),
        "\
warning[policy/unknown-variable]: environment variable PGVEIL_UPSTREAM__HSOTS: unknown key `hsots`
 --> environment:1:1
  |
1 | PGVEIL_UPSTREAM__HSOTS=x
  | ^^^^^^^^^^^^^^^^^^^^^^ did you mean `hosts`? allowed: hosts, target_session_attrs, sslmode, sslrootcert, sslcert, sslkey, channel_binding"
    );
}

/// The misspelt variable is a warning only, so it cannot stand for the error that a key is missing.
#[test]
fn a_misspelt_variable_does_not_hide_that_a_key_is_missing() {
    let found = load_with("", &[("PGVEIL_UPSTREAM__HSOTS", "db")]);
    assert!(codes(found).contains(&"policy/missing-key"));
    let vars = [("PGVEIL_UPSTREAM__HOSTS", "db"), ("PGVEIL_KMS__PROD__AWS__KYE", "alias/x")];
    let found = load_with("", &vars).unwrap_err();
    let mut codes: Vec<_> = found.iter().map(|f| f.code).collect();
    codes.sort_unstable();
    assert_eq!(codes, ["policy/missing-key", "policy/unknown-variable"]);
}

#[test]
fn variables_of_the_command_line_the_log_and_of_secrets_are_no_overrides() {
    let text = "upstream: { hosts: db }\nservice: { password: { env: PGVEIL_SERVICE_PASSWORD } }";
    let vars = [
        ("PGVEIL_CONFIG", "policy.yaml"),
        ("PGVEIL_LOG", "debug"),
        ("PGVEIL_SERVICE_PASSWORD", "x"),
        ("PGVEIL_LISTEN", ""),
    ];
    assert!(codes(load_with(text, &vars)).is_empty());
}

#[test]
fn a_secret_may_be_moved_by_the_environment() {
    let text = "upstream: { hosts: db }\nservice: { password: { file: /secret } }";
    let vars = [("PGVEIL_SERVICE__PASSWORD__ENV", "PGVEIL_OTHER"), ("PGVEIL_OTHER", "x")];
    let loaded = load_with(text, &vars).unwrap();
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    assert!(matches!(loaded.policy.service.password, Some(Secret::Env(name)) if name == "PGVEIL_OTHER"));
}

#[test]
fn a_secret_given_by_override_is_not_warned_about_and_never_shown() {
    let vars = [("PGVEIL_SERVICE__PASSWORD", "hunter2"), ("PGVEIL_SERVICE__USER", "")];
    let loaded = load_with(BASE, &vars).unwrap();
    assert!(loaded.warnings.is_empty());
    assert_eq!(loaded.policy.service.password.unwrap().resolve().unwrap().as_str(), "hunter2");
    let found = rendered(load_with(BASE, &[("PGVEIL_SERVICE__PASSWRD", "hunter2")]));
    assert!(found.contains("PGVEIL_SERVICE__PASSWRD=***") && !found.contains("hunter2"), "{found}");
}
