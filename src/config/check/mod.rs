//! The file model → [`Policy`]: values that need more than a type, rules between them, defaults,
//! and a word about what pgveil does not do yet.
//!
//! Every check records what it finds and goes on with a default, so that one run shows everything.
//! The policy that comes out is only used when no error was recorded.

mod agree;
mod auth;
mod column;
mod door;
mod durations;
mod keys;
mod kms;
mod server;
mod sweep;
mod tables;
mod timeouts;
mod tls;
mod upstream;

use std::path::{Path, PathBuf};

pub use auth::AUTH_QUERY;
pub(super) use kms::LATER;

use super::{
    Declaration, Policy, Secret,
    field::{Field, TextOr},
    file::{PolicyFile, SecretFile},
    issue::{At, Issue, Issues},
};

/// What checks share.
pub(super) struct Check<'a> {
    pub(super) issues: &'a Issues,
    /// The policy file, as it was named.
    pub(super) file: &'a Path,
    /// Folder of the policy file: relative paths start here.
    pub(super) folder: &'a Path,
    /// systemd's `STATE_DIRECTORY`, if set.
    pub(super) state_directory: Option<&'a str>,
    /// The kinds of key management service that there are.
    pub(super) kms: &'a [&'static Declaration],
    /// 1-based line and column of a place in the file.
    pub(super) position: &'a dyn Fn(At) -> (u32, u32),
}

/// Checks the whole file. Defaults worth telling about are put into `notes`.
pub(super) fn policy(file: &PolicyFile, check: &Check<'_>, notes: &mut Vec<String>) -> Policy {
    let kms = kms::services(file.kms.as_ref(), check, notes);
    let listen = server::listen(file.listen.as_ref(), check);
    let tls = tls::tls(file.tls.as_ref(), check);
    let upstream = upstream::upstream(file.upstream.as_ref(), check);
    let hops = door::Hops::of(&listen, tls.as_ref(), &upstream);
    let auth = auth::auth(file, hops, check, notes);
    door::rules(file, &listen, hops, check);
    Policy {
        listen,
        auth,
        tls,
        upstream,
        service: server::service(file.service.as_ref(), check),
        owner: server::owner(file, check),
        keys: keys::defaults(file.keys.as_ref(), file.kms.as_ref(), &kms, check),
        sweep: sweep::sweep(file.sweep.as_ref(), check),
        kms,
        databases: tables::databases(file.databases.as_ref(), check),
        limits: server::limits(file.limits.as_ref(), check),
        timeouts: timeouts::timeouts(file.timeouts.as_ref(), check),
        metrics: server::metrics(file.metrics.as_ref(), check),
        log: server::log(file.log.as_ref(), check),
    }
}

impl Check<'_> {
    fn push(&self, issue: Issue) {
        self.issues.push(issue);
    }

    /// Something pgveil knows of but does not do yet.
    fn not_yet(&self, at: At, what: impl std::fmt::Display, instead: impl Into<String>) {
        self.push(
            Issue::new("policy/not-yet", format!("{what} is not supported yet"))
                .at(at)
                .label("not supported yet")
                .help(instead),
        );
    }

    /// A setting that does nothing where it stands.
    fn no_effect(&self, at: At, what: impl std::fmt::Display, why: impl Into<String>) {
        let issue = Issue::new("policy/no-effect", format!("{what} has no effect")).at(at).label(why);
        self.push(issue.warning());
    }

    /// A relative path starts at the policy file's folder.
    fn path(&self, text: &str, at: At) -> PathBuf {
        if text.is_empty() || text.contains('\0') {
            self.push(Issue::new("policy/bad-value", "not a path").at(at).label("expected a path"));
        }
        self.folder.join(text)
    }

    /// The directory that systemd made for the service's state, the first if there are several.
    fn state_directory(&self) -> Option<&Path> {
        self.state_directory.and_then(|list| list.split(':').find(|d| !d.is_empty())).map(Path::new)
    }

    fn secret(&self, secret: Option<&Field<TextOr<SecretFile>>>) -> Option<Secret> {
        let (secret, at) = secret?.get()?;
        match secret {
            TextOr::Text(text) if text.is_empty() => {
                self.push(
                    Issue::new("policy/bad-value", "the secret is empty")
                        .at(at)
                        .label("leave the key out if there is none"),
                );
                None
            }
            TextOr::Text(text) => {
                if !at.is_env() {
                    let issue = Issue::new("policy/inline-secret", "a secret stands in the policy file")
                        .help("write `{ env: NAME }` or `{ file: PATH }` instead");
                    self.push(issue.at(at).label("everybody who reads the file can read it").warning());
                }
                Some(Secret::Inline(zeroize::Zeroizing::new(text.clone())))
            }
            TextOr::Other(SecretFile::Env(name)) => {
                let (name, at) = name.get()?;
                if name.is_empty() || name.contains(['=', '\0']) {
                    let issue = Issue::new("policy/bad-name", "not a name of an environment variable");
                    self.push(issue.at(at).label("expected a name such as PGVEIL_SERVICE_PASSWORD"));
                    return None;
                }
                Some(Secret::Env(name.clone()))
            }
            TextOr::Other(SecretFile::File(path)) => {
                let (path, at) = path.get()?;
                Some(Secret::File(self.path(path, at)))
            }
        }
    }
}

/// The value of an optional field that could be read.
fn given<T>(field: Option<&Field<T>>) -> Option<(&T, At)> {
    field.and_then(Field::get)
}

/// Is the field there, but could not be read? That is an error already; what would follow from it is not said.
fn unreadable<T>(field: Option<&Field<T>>) -> bool {
    field.is_some_and(|f| f.value.is_none())
}
