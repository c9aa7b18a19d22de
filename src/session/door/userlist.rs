//! Files of roles and their secrets, in the form of pgbouncer's userlist: `"role" "secret"` on each line,
//! double quotes doubled inside, `;` or `#` before a comment.

use std::{
    collections::HashMap,
    fmt, fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use crate::wire::scram::{Verifier, VerifierError};

/// A password.
pub type Password = Zeroizing<Vec<u8>>;

/// Roles of a file, with what each of them has.
pub struct Users<T>(HashMap<Vec<u8>, T>);

impl<T> Users<T> {
    /// What that role has.
    pub fn get(&self, role: &[u8]) -> Option<&T> {
        self.0.get(role)
    }

    /// How many roles there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

/// Names nobody.
impl<T> fmt::Debug for Users<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} roles", self.len())
    }
}

/// Why a file cannot be used. Never holds a secret.
#[derive(Debug, thiserror::Error)]
pub enum UserlistError {
    /// The file cannot be read.
    #[error("cannot read {path}: {source}", path = .path.display())]
    File {
        /// Its path.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A line that is not right.
    #[error("{path}:{line}:{column}: {fault}", path = .path.display())]
    Line {
        /// Path of the file.
        path: PathBuf,
        /// Its line, from 1.
        line: usize,
        /// The character in it, from 1.
        column: usize,
        /// What is wrong.
        fault: Fault,
    },
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Neither a comment nor a role.
    #[error("a role in double quotes is expected here: \"role\" \"secret\"")]
    Role,
    /// A role alone.
    #[error("a secret in double quotes is expected behind the role: \"role\" \"secret\"")]
    Secret,
    /// A quote that nothing ends.
    #[error("this double quote is not closed; one inside is written twice")]
    Open,
    /// Something behind the secret.
    #[error("nothing but a comment may follow the secret; a double quote inside is written twice")]
    Rest,
    /// An empty name or secret.
    #[error("this is empty")]
    Empty,
    /// The role was there before.
    #[error("this role is already in line {0}")]
    Again(usize),
    /// Where verifiers are asked for.
    #[error("{0}; write the role's verifier here: SELECT rolpassword FROM pg_authid WHERE rolname = …")]
    Verifier(VerifierError),
}

/// Reads a file of SCRAM verifiers (`auth.verifiers.file`). None: the role has an MD5 password, and so
/// cannot log in through pgveil; files that were made from all of pg_authid have such lines.
pub fn verifiers(path: &Path) -> Result<Users<Option<Verifier>>, UserlistError> {
    let users = load(path, |secret| match Verifier::parse(&secret) {
        Ok(verifier) => Ok(Some(verifier)),
        Err(VerifierError::Md5) => Ok(None),
        Err(error) => Err(Fault::Verifier(error)),
    })?;
    let md5 = users.0.values().filter(|verifier| verifier.is_none()).count();
    if md5 > 0 {
        tracing::warn!(
            path = %path.display(),
            roles = md5,
            "roles with MD5 passwords cannot log in: set password_encryption to 'scram-sha-256' and their passwords again"
        );
    }
    Ok(users)
}

/// Reads a file of passwords (`auth.credentials`).
pub fn credentials(path: &Path) -> Result<Users<Password>, UserlistError> {
    load(path, Ok)
}

fn load<T>(path: &Path, value: impl Fn(Password) -> Result<T, Fault>) -> Result<Users<T>, UserlistError> {
    let failed = |source| UserlistError::File { path: path.to_owned(), source };
    let text = Zeroizing::new(fs::read(path).map_err(failed)?);
    let mode = fs::metadata(path).map_err(failed)?.permissions().mode();
    if mode & 0o004 != 0 {
        tracing::warn!(path = %path.display(), "a file of secrets can be read by everybody on this host: chmod 640");
    }
    parse(&text, value).map_err(|(line, column, fault)| UserlistError::Line {
        path: path.to_owned(),
        line,
        column,
        fault,
    })
}

/// Line, column and what is wrong there.
type Place = (usize, usize, Fault);

fn parse<T>(text: &[u8], value: impl Fn(Password) -> Result<T, Fault>) -> Result<Users<T>, Place> {
    let mut users: HashMap<Vec<u8>, (usize, T)> = HashMap::new();
    for (index, line) in text.split(|&byte| byte == b'\n').enumerate() {
        let (number, mut rest) = (index + 1, Line { line, at: 0 });
        if rest.is_over() {
            continue;
        }
        let (role_at, role) = rest.quoted(Fault::Role).map_err(|(column, fault)| (number, column, fault))?;
        let (secret_at, secret) = rest.quoted(Fault::Secret).map_err(|(column, fault)| (number, column, fault))?;
        if !rest.is_over() {
            return Err((number, rest.column(), Fault::Rest));
        }
        if let Some((before, _)) = users.get(&*role) {
            return Err((number, role_at, Fault::Again(*before)));
        }
        let value = value(secret).map_err(|fault| (number, secret_at, fault))?;
        users.insert(role.to_vec(), (number, value));
    }
    Ok(Users(users.into_iter().map(|(role, (_, value))| (role, value)).collect()))
}

/// A line and how far it is read.
struct Line<'a> {
    line: &'a [u8],
    at: usize,
}

impl Line<'_> {
    fn rest(&self) -> &[u8] {
        self.line.get(self.at..).unwrap_or_default()
    }

    /// Passes spaces over; is there nothing more but a comment?
    fn is_over(&mut self) -> bool {
        self.at += self.rest().iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        matches!(self.rest().first(), None | Some(b';' | b'#'))
    }

    /// The character that comes next, from 1.
    fn column(&self) -> usize {
        column(self.line, self.at)
    }

    /// A text in double quotes and its column. `missing`: what it means if there is none.
    fn quoted(&mut self, missing: Fault) -> Result<(usize, Password), (usize, Fault)> {
        let over = self.is_over();
        let start = self.column();
        if over || self.rest().first() != Some(&b'"') {
            return Err((start, missing));
        }
        let mut text = Zeroizing::new(Vec::with_capacity(self.rest().len()));
        loop {
            self.at += 1;
            match (self.rest().first(), self.rest().get(1)) {
                (None, _) => return Err((start, Fault::Open)),
                (Some(b'"'), Some(b'"')) => {
                    text.push(b'"');
                    self.at += 1;
                }
                (Some(b'"'), _) => break,
                (Some(&byte), _) => text.push(byte),
            }
        }
        self.at += 1;
        if text.is_empty() { Err((start, Fault::Empty)) } else { Ok((start, text)) }
    }
}

/// Byte offset → character, from 1. In what is not UTF-8 every byte counts that does not continue one.
fn column(line: &[u8], at: usize) -> usize {
    1 + line.iter().take(at).filter(|&&byte| byte & 0xc0 != 0x80).count()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use proptest::prelude::*;

    use super::*;

    const VERIFIER: &str = "SCRAM-SHA-256$4096:c2FsdA==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

    fn file(text: &[u8], mode: u32) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        file
    }

    fn passwords(text: &str) -> Result<Users<Password>, Place> {
        parse(text.as_bytes(), Ok)
    }

    fn password<'a>(users: &'a Users<Password>, role: &str) -> Option<&'a str> {
        users.get(role.as_bytes()).map(|secret| std::str::from_utf8(secret).unwrap())
    }

    #[test]
    fn pgbouncers_form_is_read() {
        let users = passwords(
            "; pgbouncer's comment\n# another\n\n\"ann\" \"secret\"\r\n  \"b\"\"ob\"\t\"se\"\"cr;et#\" ; why\n\"ü\" \"ä\"#\n\"eve\"\"x\" \"y\"",
        );
        let users = users.unwrap();
        assert_eq!(users.len(), 4);
        assert_eq!(password(&users, "ann"), Some("secret"));
        assert_eq!(password(&users, "b\"ob"), Some("se\"cr;et#"));
        assert_eq!(password(&users, "ü"), Some("ä"));
        assert_eq!(password(&users, "eve\"x"), Some("y"));
        assert_eq!(password(&users, "nobody"), None);
        assert_eq!(format!("{users:?}"), "4 roles");
    }

    #[test]
    fn an_empty_file_has_nobody() {
        assert_eq!(passwords("").unwrap().len(), 0);
        assert_eq!(passwords("\n;\n").unwrap().len(), 0);
    }

    #[test]
    fn mistakes_are_found_where_they_stand() {
        let fails = |text: &str, line, column, fault| assert_eq!(passwords(text).unwrap_err(), (line, column, fault));
        fails("ann secret", 1, 1, Fault::Role);
        fails("\n  'ann' 'secret'", 2, 3, Fault::Role);
        fails("\"ann\"", 1, 6, Fault::Secret);
        fails("\"ann\" ; \"secret\"", 1, 7, Fault::Secret);
        fails("\"ann\" secret", 1, 7, Fault::Secret);
        fails("\"änn\" secret", 1, 7, Fault::Secret);
        fails("\"ann\" \"secret", 1, 7, Fault::Open);
        fails("\"ann\" \"secret\nmore\"", 1, 7, Fault::Open);
        fails("\"ann\" \"secret\" \"more\"", 1, 16, Fault::Rest);
        fails("\"\" \"secret\"", 1, 1, Fault::Empty);
        fails("\"ann\" \"\"", 1, 7, Fault::Empty);
        fails("\"ann\" \"a\"\n\"bob\" \"b\"\n \"ann\" \"c\"", 3, 2, Fault::Again(1));
    }

    #[test]
    fn verifiers_are_demanded_where_they_are_due_and_nothing_secret_is_said() {
        let good = file(format!("\"ann\" \"{VERIFIER}\"\n").as_bytes(), 0o600);
        assert_eq!(verifiers(good.path()).unwrap().len(), 1);
        let md5 = file(b"\"ann\" \"md5d578b1ec0c4a5d9a9d1d1d45a8fa3e1d\"\n", 0o600);
        assert!(verifiers(md5.path()).unwrap().get(b"ann").is_some_and(Option::is_none));
        for (secret, says) in [("hunter2", "not a SCRAM verifier"), (&VERIFIER[..60], "damaged")] {
            let bad = file(format!("\n\"ann\" \"{secret}\"\n").as_bytes(), 0o600);
            let error = verifiers(bad.path()).unwrap_err();
            let (shown, debug) = (error.to_string(), format!("{error:?}"));
            assert!(shown.contains(":2:7: ") && shown.contains(says), "{shown}");
            assert!(shown.contains("SELECT rolpassword FROM pg_authid"), "{shown}");
            assert!(!shown.contains(secret) && !debug.contains(secret), "{shown} {debug}");
            assert_eq!(password(&credentials(bad.path()).unwrap(), "ann"), Some(secret));
        }
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let error = credentials(Path::new("/nonexistent/users.txt")).unwrap_err();
        assert!(error.to_string().starts_with("cannot read /nonexistent/users.txt: "), "{error}");
    }

    proptest! {
        #[test]
        fn whatever_is_quoted_comes_back(role in "[^\n]{1,9}", secret in "[^\n]{1,9}", junk in prop::collection::vec(any::<u8>(), 0..60)) {
            let quote = |text: &str| text.replace('"', "\"\"");
            let users = passwords(&format!("\"{}\" \"{}\"", quote(&role), quote(&secret))).unwrap();
            prop_assert_eq!(password(&users, &role), Some(&secret[..]));
            if let Err((line, column, _)) = parse(&junk, Ok) {
                let lines: Vec<_> = junk.split(|&byte| byte == b'\n').collect();
                prop_assert!(line >= 1 && line <= lines.len() && column >= 1 && column <= lines[line - 1].len() + 1);
            }
        }
    }
}
