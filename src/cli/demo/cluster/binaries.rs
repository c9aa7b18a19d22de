//! Finds the PostgreSQL server programs of this machine.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use super::ClusterError;

/// The oldest release that pgveil supports.
const OLDEST: u32 = 15;

/// A folder with `initdb` and `postgres`.
#[derive(Clone, Debug)]
pub(super) struct Binaries {
    pub(super) folder: PathBuf,
    pub(super) major: u32,
}

impl Binaries {
    /// `PGVEIL_PG_BIN` if set, else the newest of the packages' folders and the PATH.
    pub(super) fn find() -> Result<Self, ClusterError> {
        if let Some(folder) = env::var_os("PGVEIL_PG_BIN") {
            let folder = PathBuf::from(folder);
            return Self::at(&folder).ok_or(ClusterError::NotInstalled { searched: folder.display().to_string() });
        }
        // Of equals the last one wins: the packages come before the PATH, which may only link to them.
        let newest = candidates().iter().rev().filter_map(|folder| Self::at(folder)).max_by_key(|found| found.major);
        match newest {
            None => Err(ClusterError::NotInstalled { searched: "/usr/lib/postgresql/*/bin and the PATH".to_owned() }),
            Some(found) if found.major < OLDEST => {
                Err(ClusterError::TooOld { major: found.major, folder: found.folder })
            }
            Some(found) => Ok(found),
        }
    }

    fn at(folder: &Path) -> Option<Self> {
        if !folder.join("initdb").is_file() {
            return None;
        }
        let output = Command::new(folder.join("postgres")).arg("--version").output().ok()?;
        let major = parse_major(&String::from_utf8_lossy(&output.stdout))?;
        Some(Self { folder: folder.to_owned(), major })
    }
}

/// Debian, RHEL and Homebrew each keep releases side by side, outside the PATH.
fn candidates() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for (parent, prefix) in [
        ("/usr/lib/postgresql", ""),
        ("/usr", "pgsql-"),
        ("/opt/homebrew/opt", "postgresql@"),
        ("/usr/local/opt", "postgresql@"),
    ] {
        let Ok(entries) = std::fs::read_dir(parent) else { continue };
        for entry in entries.flatten() {
            if entry.file_name().to_str().is_some_and(|name| name.starts_with(prefix)) {
                found.push(entry.path().join("bin"));
            }
        }
    }
    found.extend(env::var_os("PATH").iter().flat_map(env::split_paths));
    found
}

/// `postgres (PostgreSQL) 15.14 (Debian …)` → 15; also `18beta1`.
fn parse_major(version: &str) -> Option<u32> {
    let number = version.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::parse_major;

    #[test]
    fn the_major_version_is_read_from_what_the_server_prints() {
        assert_eq!(parse_major("postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)\n"), Some(15));
        assert_eq!(parse_major("postgres (PostgreSQL) 18beta1"), Some(18));
        assert_eq!(parse_major("no numbers here"), None);
    }
}
