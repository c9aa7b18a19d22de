//! `pgveil kms destroy-check`: what a key at its service is still needed for, in every database of the policy.

use clap::Args;
use serde_json::{Value, json};

use crate::{
    cli::{Outcome, console::Console, error::CliError, keys, shown},
    config::{Database, Policy},
    keys::keystore::{Dependent, DependentKind},
};

/// Arguments of `pgveil kms destroy-check`.
#[derive(Debug, Args)]
pub(in crate::cli) struct DestroyCheckArgs {
    /// The key: a KEK's id, the service's name of the key, or a service of the policy for all its keys; with a version
    /// behind a slash only what that version has wrapped.
    #[arg(value_name = "KEY[/VERSION]", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    key: String,
}

/// What one database says.
struct Asked<'a> {
    database: &'a Database,
    answer: Result<Vec<Dependent>, CliError>,
}

/// Which keys are meant.
#[derive(Debug, PartialEq, Eq)]
struct Wanted {
    /// The services' names of them.
    key_refs: Vec<String>,
    version: Option<String>,
}

/// Asks every database.
pub(super) async fn check(policy: &Policy, args: &DestroyCheckArgs, console: Console) -> Result<Outcome, CliError> {
    if policy.databases.is_empty() {
        return Err(CliError::usage("the policy protects no database", "name one under `databases:`"));
    }
    let mut all = Vec::new();
    for database in policy.databases.values() {
        all.push(Asked { database, answer: keys::dependents(policy, database).await });
    }
    let silent = all.iter().any(|asked| asked.answer.is_err());
    let known = || all.iter().filter_map(|asked| asked.answer.as_ref().ok()).flatten();
    // One that could not be asked may know it.
    let wanted = match wanted(&args.key, &known()) {
        Some(wanted) => wanted,
        None if silent => Wanted { key_refs: Vec::new(), version: None },
        None => return Err(unknown(&args.key, known())),
    };
    let mut needed = false;
    for asked in &all {
        console.heading(&format!("database {}", asked.database.name));
        match &asked.answer {
            Ok(dependents) => {
                let rows: Vec<_> = dependents.iter().filter(|one| wanted.fits(one)).map(row).collect();
                if rows.is_empty() {
                    console.say("nothing depends on it");
                } else {
                    needed = true;
                    console.table(HEADER, &rows);
                }
            }
            Err(error) => console.say(&format!("could not be asked: {error}")),
        }
    }
    let verdict = match (needed, silent) {
        (true, _) => {
            "it is needed: do not destroy it. `pgveil keys rotate --kek` and `pgveil keys rewrap` move what it \
                      wraps to another key; `pgveil keys retire` ends a KEK that wraps nothing"
        }
        (false, true) => "not every database could be asked: do not destroy it",
        (false, false) => "nothing depends on it in the databases of this policy",
    };
    console.say(&format!("\n{verdict}"));
    console.say(BACKUPS);
    console.document(&json!({
        "key": args.key,
        "needed": needed,
        "all_asked": !silent,
        "databases": all.iter().map(|asked| document(asked, &wanted)).collect::<Vec<_>>(),
        "note": BACKUPS,
    }));
    Ok(if needed || silent { Outcome::Findings } else { Outcome::Fine })
}

/// What no keystore knows.
const BACKUPS: &str = "Backups, standbys, dumps and databases of other policies are not asked, and nobody knows of data keys \
                       that `pgveil kms generate-data-key` has made: what they hold under the key does not open without \
                       it. Keep it until they are as old as you keep them.";

const HEADER: &[&str] = &["what", "id", "status", "wrapped by", "service", "key", "version"];

/// What an argument means: all of it is a key, or its last part is a version. None: nobody knows such a key.
fn wanted<'a>(text: &str, known: &(impl Iterator<Item = &'a Dependent> + Clone)) -> Option<Wanted> {
    let refs = |key: &str| {
        let mut refs: Vec<String> =
            known.clone().filter(|one| is_called(one, key)).map(|one| one.key_ref.clone()).collect();
        refs.sort_unstable();
        refs.dedup();
        refs
    };
    let key_refs = refs(text);
    if !key_refs.is_empty() {
        return Some(Wanted { key_refs, version: None });
    }
    // Names of keys may have slashes themselves.
    let (key, version) = text.rsplit_once('/')?;
    let key_refs = refs(key);
    (!key_refs.is_empty()).then(|| Wanted { key_refs, version: Some(version.to_owned()) })
}

/// By its service's name of the key, the service's name in the policy, or the KEK's id.
fn is_called(one: &Dependent, key: &str) -> bool {
    let id = one.kind != DependentKind::Material && key.parse().is_ok_and(|id: keys::KeyId| id.0 == one.kek);
    one.key_ref == key || one.kms.as_deref() == Some(key) || id
}

impl Wanted {
    /// Would it be lost? What has no version may be of any.
    fn fits(&self, one: &Dependent) -> bool {
        let version = self.version.is_none() || one.version.is_none() || one.version == self.version;
        version && one.is_lost() && self.key_refs.contains(&one.key_ref)
    }
}

fn unknown<'a>(key: &str, known: impl Iterator<Item = &'a Dependent>) -> CliError {
    let mut refs: Vec<&str> = known.map(|one| one.key_ref.as_str()).collect();
    refs.sort_unstable();
    refs.dedup();
    CliError::failed(
        "kms/unknown-key",
        format!(
            "no keystore of the policy's databases names a key {key}; that says nothing about a key of another name"
        ),
        format!("they name: {}", refs.join(", ")),
    )
}

fn row(one: &Dependent) -> Vec<String> {
    let dash = || "-".to_owned();
    vec![
        keys::word(one.kind).to_owned(),
        shown::id(one.id),
        keys::label(one.state).to_owned(),
        if one.kind == DependentKind::Material { dash() } else { shown::id(one.kek) },
        one.kms.clone().unwrap_or_else(dash),
        one.key_ref.clone(),
        one.version.clone().unwrap_or_else(dash),
    ]
}

fn document(asked: &Asked<'_>, wanted: &Wanted) -> Value {
    let one = |one: &Dependent| {
        json!({
            "kind": keys::word(one.kind),
            "id": shown::id(one.id),
            "status": one.state.as_str(),
            "kek": shown::id(one.kek),
            "kms": one.kms,
            "key_ref": one.key_ref,
            "version": one.version,
        })
    };
    match &asked.answer {
        Ok(dependents) => json!({
            "database": asked.database.name,
            "asked": true,
            "dependents": dependents.iter().filter(|one| wanted.fits(one)).map(one).collect::<Vec<_>>(),
        }),
        Err(error) => json!({
            "database": asked.database.name,
            "asked": false,
            "error": { "code": error.code(), "message": error.to_string(), "hint": error.hint() },
        }),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::keys::KeyState;

    fn dek(kek: u32, key_ref: &str, version: Option<&str>) -> Dependent {
        Dependent {
            kind: DependentKind::Dek,
            id: 9,
            state: KeyState::Primary,
            kek,
            kms: Some("prod".to_owned()),
            key_ref: key_ref.to_owned(),
            version: version.map(str::to_owned),
        }
    }

    #[test]
    fn a_key_is_found_by_id_name_and_service_even_with_slashes_in_its_name() {
        let known = [dek(0x2a7, "arn:aws:kms:eu:1:key/1234", Some("m1")), dek(5, "other", None)];
        let refs = |text: &str| wanted(text, &known.iter()).map(|wanted| (wanted.key_refs, wanted.version));
        let aws = || vec!["arn:aws:kms:eu:1:key/1234".to_owned()];
        assert_eq!(refs("arn:aws:kms:eu:1:key/1234"), Some((aws(), None)));
        assert_eq!(refs("arn:aws:kms:eu:1:key/1234/m1"), Some((aws(), Some("m1".to_owned()))));
        assert_eq!(refs("0x000002a7"), Some((aws(), None)));
        assert_eq!(refs("0x000002a7/m2"), Some((aws(), Some("m2".to_owned()))));
        assert_eq!(refs("prod").unwrap().0.len(), 2);
        assert_eq!(refs("arn:aws:kms:eu:1:key"), None, "a typing error is not taken for a key that nothing needs");
    }

    #[test]
    fn what_has_no_version_may_be_of_any() {
        let wanted = |version: &str| Wanted { key_refs: vec!["k".to_owned()], version: Some(version.to_owned()) };
        assert!(wanted("1").fits(&dek(1, "k", Some("1"))));
        assert!(!wanted("1").fits(&dek(1, "k", Some("2"))));
        assert!(wanted("1").fits(&dek(1, "k", None)));
        assert!(!wanted("1").fits(&dek(1, "l", Some("1"))));
    }
}
