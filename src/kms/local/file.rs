//! Reading and creating the keyring file: permissions, locking, durability.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use rustix::fs::{FlockOperation, flock};
use zeroize::Zeroizing;

use super::error::KeyringError;

/// A keyring holds a handful of keys of about 200 bytes each.
const MAX_SIZE: u64 = 1 << 20;

/// Reads the file; None if there is none. Refuses a file that others may read or that belongs to
/// somebody else: then the keys in it are not (only) ours.
pub(super) fn read(path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, KeyringError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(io_error(path, "open", source)),
    };
    // Of the open file, not of the path: it could be exchanged in between.
    let metadata = file.metadata().map_err(|e| io_error(path, "examine", e))?;
    if !metadata.is_file() {
        return Err(KeyringError::NotAFile(path.to_owned()));
    }
    let mode = metadata.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(KeyringError::Permissions { path: path.to_owned(), mode });
    }
    let user = rustix::process::geteuid().as_raw();
    if metadata.uid() != user {
        return Err(KeyringError::Owner { path: path.to_owned(), owner: metadata.uid(), user });
    }
    if metadata.len() > MAX_SIZE {
        return Err(KeyringError::Altered { path: path.to_owned(), what: "too large for a keyring".to_owned() });
    }
    let mut text = Zeroizing::new(Vec::with_capacity(metadata.len() as usize + 1));
    (&file).take(MAX_SIZE).read_to_end(&mut text).map_err(|e| io_error(path, "read", e))?;
    Ok(Some(text))
}

/// Creates the file with what `make` gives unless it exists by then, and its folder (mode 0700) if
/// need be. Whoever comes second waits, and finds the first one's file. It is there completely and
/// durably, or not at all.
pub(super) fn create(
    path: &Path,
    make: impl FnOnce() -> Result<Zeroizing<Vec<u8>>, KeyringError>,
) -> Result<(), KeyringError> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|e| io_error(path, "make the folder of", e))?;

    // Beside the keyring and never removed: removing a lock file while others wait for it would let
    // two of them in. The folder itself is no lock: anyone who may read it could hold it.
    let lock = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(sibling(path, "lock")?)
        .map_err(|e| io_error(path, "lock", e))?;
    flock(&lock, FlockOperation::LockExclusive).map_err(|e| io_error(path, "lock", e.into()))?;
    if path.try_exists().map_err(|e| io_error(path, "examine", e))? {
        return Ok(());
    }

    let text = make()?;
    // Only one process is here at a time, so a file of this name is left over from a crash.
    let temporary = sibling(path, "tmp")?;
    let _ = fs::remove_file(&temporary);
    let written = write_durably(&temporary, &text).and_then(|()| fs::rename(&temporary, path));
    if let Err(source) = written {
        let _ = fs::remove_file(&temporary);
        return Err(io_error(path, "write", source));
    }
    // Without this the new name may be gone after a power failure, with wraps of its keys stored.
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|e| io_error(path, "make durable", e))
}

fn write_durably(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text)?;
    file.sync_all()
}

/// `keyring.json` → `.keyring.json.lock`
fn sibling(path: &Path, extension: &str) -> Result<PathBuf, KeyringError> {
    let name = path.file_name().ok_or_else(|| KeyringError::NotAFile(path.to_owned()))?;
    Ok(path.with_file_name(format!(".{}.{extension}", name.to_string_lossy())))
}

fn io_error(path: &Path, action: &'static str, source: io::Error) -> KeyringError {
    KeyringError::Io { path: path.to_owned(), action, source }
}
