//! `auth`: the method, verifiers, credentials.

use super::{Check, door::Hops, given, unreadable};
use crate::config::{
    Auth, AuthMethod, Verifiers,
    field::{Field, WordOr},
    file::{PolicyFile, VerifiersFile},
    issue::{At, Issue},
    names,
};

/// The query of verifiers unless the policy has another. It needs
/// `GRANT SELECT (rolname, rolpassword, rolvaliduntil, rolcanlogin) ON pg_catalog.pg_authid` to the service
/// role. `$1` is the role's name; the columns are the verifier and until when it is valid.
pub const AUTH_QUERY: &str =
    "SELECT rolpassword, rolvaliduntil FROM pg_catalog.pg_authid WHERE rolname = $1 AND rolcanlogin";

pub(super) fn auth(file: &PolicyFile, hops: Hops, check: &Check<'_>, notes: &mut Vec<String>) -> Auth {
    let settings = match given(file.auth.as_ref()) {
        Some((WordOr::Other(settings), _)) => Some(settings),
        _ => None,
    };
    let written = super::door::method(file).map(|(method, _)| method);
    let default = if hops.both() { AuthMethod::Scram } else { AuthMethod::Relay };
    let mut auth = Auth {
        method: written.unwrap_or(default),
        verifiers: settings
            .and_then(|s| given(s.verifiers.as_ref()))
            .and_then(|(verifiers, at)| self::verifiers(verifiers, at, file, check)),
        credentials: settings.and_then(|s| given(s.credentials.as_ref())).map(|(path, at)| check.path(path, at)),
    };
    if unreadable(file.auth.as_ref()) || settings.is_some_and(|s| unreadable(s.method.as_ref())) {
        return auth;
    }
    let because = match auth.method {
        AuthMethod::Relay => "with `relay` the server itself checks clients: write `method: scram`, or leave it out",
        AuthMethod::Cert => "with `cert` the client's certificate is enough: leave it out",
        AuthMethod::Scram | AuthMethod::Password => "",
    };
    if matches!(auth.method, AuthMethod::Relay | AuthMethod::Cert) {
        auth.verifiers = None;
        if let Some(field) = settings.and_then(|s| s.verifiers.as_ref()) {
            check.no_effect(field.at, "`auth.verifiers`", because);
        }
    }
    if auth.method == AuthMethod::Relay {
        auth.credentials = None;
        if let Some(field) = settings.and_then(|s| s.credentials.as_ref()) {
            check.no_effect(field.at, "`auth.credentials`", because);
        }
    }
    if auth.method == AuthMethod::Password
        && let Some(settings) = settings.filter(|s| s.verifiers.is_none())
        && let Some(field) = &settings.credentials
    {
        let message = "`auth.credentials` with `method: password` needs `auth.verifiers`: clients' passwords are \
                       checked by the server, which would see those of the file instead";
        let issue = Issue::new("policy/missing-key", message).at(field.at).label("nobody would check the client's");
        check.push(issue.help("write `verifiers: { file: FILE }` beside it, or leave `credentials` out"));
    }
    if auth.method == AuthMethod::Scram && auth.verifiers.is_none() {
        let database = first_database(file);
        if written.is_none() {
            notes.push("both hops may use TLS and the policy names no auth: clients log in by scram".to_owned());
        }
        notes.push(format!("the policy names no verifiers: they are read from pg_authid in database {database}"));
        auth.verifiers = Some(Verifiers::Query { sql: AUTH_QUERY.to_owned(), database });
    }
    auth
}

/// Where the service role logs in to anyway, in the file's order.
fn first_database(file: &PolicyFile) -> String {
    let named = given(file.databases.as_ref()).and_then(|(entries, _)| entries.readable().next());
    named.map_or_else(|| "postgres".to_owned(), |(name, _, _)| name.to_owned())
}

fn verifiers(file: &VerifiersFile, at: At, policy: &PolicyFile, check: &Check<'_>) -> Option<Verifiers> {
    if unreadable(file.file.as_ref()) || unreadable(file.query.as_ref()) {
        return None;
    }
    let (mut path, mut query) = (given(file.file.as_ref()), given(file.query.as_ref()));
    if let (Some((_, one)), Some((_, other))) = (path, query) {
        match (one.is_env(), other.is_env()) {
            // An override by environment wins over another kind in the file.
            (true, false) => query = None,
            (false, true) => path = None,
            _ => {
                let (first, second) = if one < other { (one, other) } else { (other, one) };
                let issue = Issue::new("policy/wrong-type", "expected either `file` or `query`").at(second);
                check.push(issue.label("exactly one").related(first, "the other"));
                return None;
            }
        }
    }
    match (path, query) {
        (Some((path, at)), _) => {
            if let Some((_, place)) = given(file.database.as_ref())
                && !at.is_env()
            {
                check.no_effect(place, "`auth.verifiers.database`", "only a query runs in a database");
            }
            Some(Verifiers::File(check.path(path, at)))
        }
        (None, Some((sql, at))) => {
            self::query(sql, at, check);
            Some(Verifiers::Query { sql: sql.clone(), database: database(file.database.as_ref(), policy, check) })
        }
        (None, None) => {
            let issue = Issue::new("policy/missing-key", "`auth.verifiers` does not say where they come from");
            check.push(issue.at(at).label("expected `{ file: PATH }` or `{ query: SQL }`"));
            None
        }
    }
}

fn query(sql: &str, at: At, check: &Check<'_>) {
    let fault = if sql.trim().is_empty() {
        "the query is empty"
    } else if sql.contains('\0') {
        "the query holds a NUL character"
    } else if !names_the_role(sql) {
        "the query does not use `$1`, the role's name"
    } else {
        return;
    };
    let issue = Issue::new("policy/bad-value", fault).at(at).label("expected a query with `$1`");
    check.push(issue.help(format!("for example, and by default: {AUTH_QUERY}")));
}

/// Is `$1` in it, and not just as part of `$12`?
fn names_the_role(sql: &str) -> bool {
    sql.split("$1").skip(1).any(|after| !after.starts_with(|c: char| c.is_ascii_digit()))
}

fn database(field: Option<&Field<String>>, policy: &PolicyFile, check: &Check<'_>) -> String {
    let Some((name, at)) = given(field) else { return first_database(policy) };
    if let Some(fault) = names::fault(name) {
        check.push(Issue::new("policy/bad-name", fault).at(at).label("name of a database"));
    }
    name.clone()
}
