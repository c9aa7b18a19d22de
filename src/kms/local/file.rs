//! Reading and changing the keyring file: permissions, locking, durability.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use rustix::fs::{FlockOperation, flock};
use zeroize::Zeroizing;

use super::error::KeyringError;

/// A keyring holds a handful of keys of about 300 bytes each.
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

/// Replaces the file, or makes it and its folder (mode 0700), with what `make` gives for what is there now;
/// None leaves everything as it is. One process at a time: whoever comes second sees the first one's file.
/// At each moment the file is there completely and durably, as it was before or as it is afterwards.
pub(super) fn update(
    path: &Path,
    make: impl FnOnce(Option<Zeroizing<Vec<u8>>>) -> Result<Option<Zeroizing<Vec<u8>>>, KeyringError>,
) -> Result<(), KeyringError> {
    // What a link leads to, so that the link survives, and all links have one lock.
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = folder(path);
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
    step("locked");

    let found = read(path)?;
    let mode = match &found {
        Some(_) => fs::metadata(path).map_err(|e| io_error(path, "examine", e))?.permissions(),
        None => Permissions::from_mode(0o600),
    };
    let Some(text) = make(found)? else { return Ok(()) };
    if text.len() as u64 > MAX_SIZE {
        return Err(KeyringError::Full(path.to_owned()));
    }
    step("made");
    // Only one process is here at a time, so a file of this name is left over from a crash.
    let temporary = sibling(path, "tmp")?;
    let _ = fs::remove_file(&temporary);
    let written = write_durably(&temporary, &text, mode).and_then(|()| fs::rename(&temporary, path));
    if let Err(source) = written {
        let _ = fs::remove_file(&temporary);
        return Err(io_error(path, "write", source));
    }
    step("renamed");
    // Without this the new name may be gone after a power failure, with wraps of its keys stored.
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|e| io_error(path, "make durable", e))?;
    step("durable");
    Ok(())
}

/// May the file be made or replaced? Nothing is tried.
pub(super) fn is_replaceable(path: &Path) -> Result<(), KeyringError> {
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    // Folders that are not there yet are made in the nearest one that is.
    let folder = folder(path).ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("."));
    rustix::fs::access(folder, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK)
        .map_err(|e| io_error(path, "write into the folder of", e.into()))
}

fn write_durably(path: &Path, text: &[u8], mode: Permissions) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    let (begin, end) = text.split_at(text.len() / 2);
    file.write_all(begin)?;
    step("half written");
    file.write_all(end)?;
    file.set_permissions(mode)?;
    file.sync_all()?;
    step("written");
    Ok(())
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// `keyring.json` → `.keyring.json.lock`
fn sibling(path: &Path, extension: &str) -> Result<PathBuf, KeyringError> {
    let name = path.file_name().ok_or_else(|| KeyringError::NotAFile(path.to_owned()))?;
    Ok(path.with_file_name(format!(".{}.{extension}", name.to_string_lossy())))
}

fn io_error(path: &Path, action: &'static str, source: io::Error) -> KeyringError {
    KeyringError::Io { path: path.to_owned(), action, source }
}

/// A place where tests kill the process.
#[cfg(not(test))]
fn step(_: &str) {}

#[cfg(test)]
use super::tests::crashes::step;
