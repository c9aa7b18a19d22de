//! Secrets of the policy: where they stand, and how they are read.

use std::path::PathBuf;

use zeroize::Zeroizing;

/// A secret: inline (warned about), from an environment variable, or from a file.
#[derive(Clone)]
pub enum Secret {
    /// Written into the policy file.
    Inline(Zeroizing<String>),
    /// `{ env: NAME }`
    Env(String),
    /// `{ file: PATH }`; one trailing newline is stripped.
    File(PathBuf),
}

/// Says where the secret comes from, never what it is.
impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Inline(_) => f.write_str("Secret::Inline"),
            Self::Env(name) => f.debug_tuple("Secret::Env").field(name).finish(),
            Self::File(path) => f.debug_tuple("Secret::File").field(path).finish(),
        }
    }
}

/// Why a secret could not be read. Never holds any of it.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The environment variable is not set.
    #[error("environment variable {0} is not set")]
    Unset(String),
    /// The environment variable is not UTF-8.
    #[error("environment variable {0} is not UTF-8")]
    EnvNotUtf8(String),
    /// The file could not be read.
    #[error("cannot read the secret file {path}: {source}", path = .path.display())]
    File {
        /// Its path.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The file is not UTF-8.
    #[error("the secret file {path} is not UTF-8", path = .0.display())]
    FileNotUtf8(PathBuf),
    /// The variable or file is empty: more likely a mistake than an empty secret.
    #[error("the secret from {0} is empty")]
    Empty(String),
}

impl Secret {
    /// Reads the secret, now: a file that was replaced gives the new one.
    pub fn resolve(&self) -> Result<Zeroizing<String>, SecretError> {
        match self {
            Self::Inline(secret) => Ok(secret.clone()),
            Self::Env(name) => match std::env::var(name) {
                Ok(secret) => non_empty(Zeroizing::new(secret), || name.clone()),
                Err(std::env::VarError::NotPresent) => Err(SecretError::Unset(name.clone())),
                Err(std::env::VarError::NotUnicode(_)) => Err(SecretError::EnvNotUtf8(name.clone())),
            },
            Self::File(path) => {
                let bytes = std::fs::read(path)
                    .map(Zeroizing::new)
                    .map_err(|source| SecretError::File { path: path.clone(), source })?;
                let text = std::str::from_utf8(&bytes).map_err(|_| SecretError::FileNotUtf8(path.clone()))?;
                let line = text.strip_suffix('\n').map_or(text, |t| t.strip_suffix('\r').unwrap_or(t));
                non_empty(Zeroizing::new(line.to_owned()), || path.display().to_string())
            }
        }
    }
}

fn non_empty(secret: Zeroizing<String>, from: impl FnOnce() -> String) -> Result<Zeroizing<String>, SecretError> {
    if secret.is_empty() { Err(SecretError::Empty(from())) } else { Ok(secret) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn one_line_break_at_the_end_of_a_secret_file_is_stripped() {
        let dir = tempfile::tempdir().unwrap();
        for (content, secret) in [("a b\n", "a b"), ("a\r\n", "a"), ("a\n\n", "a\n"), (" a ", " a ")] {
            let path = dir.path().join("secret");
            std::fs::write(&path, content).unwrap();
            assert_eq!(Secret::File(path).resolve().unwrap().as_str(), secret);
        }
    }

    #[test]
    fn an_empty_missing_or_binary_secret_file_is_an_error_that_names_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        let error = || Secret::File(path.clone()).resolve().unwrap_err().to_string();
        assert!(error().contains(path.to_str().unwrap()));
        std::fs::write(&path, "\n").unwrap();
        assert!(error().ends_with("is empty"));
        std::fs::write(&path, b"\xff\xfe").unwrap();
        assert!(error().ends_with("is not UTF-8"));
    }

    #[test]
    fn a_secret_from_the_environment_is_read_and_a_missing_one_named() {
        assert!(!Secret::Env("PATH".into()).resolve().unwrap().is_empty());
        let error = Secret::Env("PGVEIL_NOT_SET_ANYWHERE".into()).resolve().unwrap_err();
        assert_eq!(error.to_string(), "environment variable PGVEIL_NOT_SET_ANYWHERE is not set");
    }

    #[test]
    fn debug_output_never_shows_an_inline_secret() {
        let shown = format!("{:?}", Secret::Inline(Zeroizing::new("hunter2".into())));
        assert!(!shown.contains("hunter2"));
    }
}
