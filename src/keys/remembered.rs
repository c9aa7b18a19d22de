//! The newest state of each keystore that this host has seen, in a file: so that a keystore that was put
//! back while no pgveil ran is noticed when one starts.
//!
//! Several processes may share the file. It is replaced as a whole (rename), without a lock: of two that
//! write at once one may take back what the other has noted, which that one mends at its next look.

use std::{
    collections::BTreeMap,
    fs, io,
    io::Write as _,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
};

use serde::{Deserialize, Serialize};

use super::{KeyError, keystore::Position};

/// The file.
pub struct Remembered {
    path: PathBuf,
    /// It was said that the file cannot be written.
    told: AtomicBool,
}

#[derive(Default, Serialize, Deserialize)]
struct Contents {
    version: u32,
    /// By the keystore's id.
    keystores: BTreeMap<String, Entry>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
struct Entry {
    generation: i64,
    epoch: i64,
}

const VERSION: u32 = 1;

/// In bytes; an entry takes about a hundred.
const LARGEST: u64 = 1 << 20;

/// Tells temporary files of one process apart.
static NUMBER: AtomicU64 = AtomicU64::new(0);

impl Remembered {
    /// The file at this path, which need not exist.
    pub fn new(path: PathBuf) -> Self {
        Self { path, told: AtomicBool::new(false) }
    }

    /// Fails if this host has seen a later state of the keystore, or if the file cannot tell.
    pub fn check(&self, keystore: &str, found: Position) -> Result<(), KeyError> {
        match self.read()?.keystores.get(keystore) {
            Some(seen) if seen.position() > found => Err(KeyError::WentBack { seen: seen.position(), found }),
            _ => Ok(()),
        }
    }

    /// Notes a state that was seen, unless a later one stands there. If the file cannot be written that is
    /// said once: a host without a place for it is served all the same.
    pub fn note(&self, keystore: &str, seen: Position) {
        match self.try_note(keystore, seen) {
            Ok(()) => self.told.store(false, Ordering::Relaxed),
            Err(reason) if !self.told.swap(true, Ordering::Relaxed) => tracing::warn!(
                path = %self.path.display(),
                reason,
                "what was seen of the keystore cannot be remembered: a keystore that is put back while no pgveil runs \
                 will not be noticed at the next start; see `keys.state` in the policy"
            ),
            Err(_) => {}
        }
    }

    fn try_note(&self, keystore: &str, seen: Position) -> Result<(), String> {
        let mut contents = self.read().map_err(|error| error.to_string())?;
        if contents.keystores.get(keystore).is_some_and(|before| before.position() >= seen) {
            return Ok(());
        }
        contents.version = VERSION;
        contents.keystores.insert(keystore.to_owned(), Entry { generation: seen.generation, epoch: seen.epoch });
        self.replace(&contents).map_err(|error| error.to_string())
    }

    fn read(&self) -> Result<Contents, KeyError> {
        let damaged = |reason: String| KeyError::Forgotten { path: self.path.clone(), reason };
        let text = match read_file(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Contents::default()),
            Err(error) => return Err(damaged(error.to_string())),
        };
        let contents: Contents = serde_json::from_slice(&text).map_err(|error| damaged(error.to_string()))?;
        if contents.version == VERSION {
            Ok(contents)
        } else {
            Err(damaged(format!("it has version {}, this pgveil knows {VERSION}", contents.version)))
        }
    }

    fn replace(&self, contents: &Contents) -> io::Result<()> {
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let temporary = folder.join(format!(".{name}.{}.{number}", std::process::id()));
        let written = write(&temporary, contents).and_then(|()| fs::rename(&temporary, &self.path));
        if written.is_err() {
            // It may not have been made at all.
            let _ = fs::remove_file(&temporary);
            return written;
        }
        fs::File::open(folder)?.sync_all()
    }
}

/// Of a device or a pipe one might read forever.
fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    let metadata = fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
    }
    if metadata.len() > LARGEST {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is far too large"));
    }
    fs::read(path)
}

fn write(path: &Path, contents: &Contents) -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(&serde_json::to_vec_pretty(contents)?)?;
    file.sync_all()
}

impl Entry {
    fn position(self) -> Position {
        Position { generation: self.generation, epoch: self.epoch }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

    use super::*;

    fn at(generation: i64, epoch: i64) -> Position {
        Position { generation, epoch }
    }

    fn file() -> (tempfile::TempDir, Remembered) {
        let folder = tempfile::tempdir().unwrap();
        let remembered = Remembered::new(folder.path().join("epochs"));
        (folder, remembered)
    }

    #[test]
    fn a_keystore_that_was_put_back_is_noticed_by_the_next_process() {
        let (folder, remembered) = file();
        remembered.check("a", at(0, 1)).unwrap();
        remembered.note("a", at(0, 7));
        remembered.note("a", at(0, 5));
        remembered.note("b", at(0, 1));
        let next = Remembered::new(folder.path().join("epochs"));
        next.check("a", at(0, 7)).unwrap();
        next.check("b", at(0, 1)).unwrap();
        let error = next.check("a", at(0, 6)).unwrap_err();
        assert!(matches!(error, KeyError::WentBack { seen, found } if seen == at(0, 7) && found == at(0, 6)));
        // A restore that was accepted is later than anything before it.
        next.check("a", at(1, 2)).unwrap();
        assert_eq!(fs::metadata(&next.path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left over");
    }

    #[test]
    fn a_damaged_file_says_what_to_do() {
        let (_folder, remembered) = file();
        for text in ["", "{", "{\"version\":2,\"keystores\":{}}", "[]"] {
            fs::write(&remembered.path, text).unwrap();
            let error = remembered.check("a", at(0, 1)).unwrap_err();
            assert_eq!(error.code(), "keys/remembered");
            assert!(error.hint().unwrap().contains("delete"));
            remembered.note("a", at(0, 1));
            assert_eq!(fs::read_to_string(&remembered.path).unwrap(), text, "evidence is not overwritten");
        }
    }

    #[test]
    fn what_is_no_file_is_not_read_forever() {
        let (folder, _) = file();
        let huge = folder.path().join("huge");
        fs::File::create(&huge).unwrap().set_len(LARGEST + 1).unwrap();
        for path in [Path::new("/dev/zero"), folder.path(), &huge] {
            let error = Remembered::new(path.to_owned()).check("a", at(0, 1)).unwrap_err();
            assert_eq!(error.code(), "keys/remembered");
        }
    }

    #[test]
    fn a_place_that_cannot_be_written_stops_nobody() {
        let (folder, _) = file();
        let remembered = Remembered::new(folder.path().join("missing").join("epochs"));
        remembered.check("a", at(0, 1)).unwrap();
        remembered.note("a", at(0, 1));
        assert!(remembered.told.load(Ordering::Relaxed));
        remembered.check("a", at(0, 0)).unwrap();
    }

    #[test]
    fn processes_that_write_at_once_leave_a_whole_file() {
        let (folder, _) = file();
        let path = folder.path().join("epochs");
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let path = path.clone();
                scope.spawn(move || {
                    let remembered = Remembered::new(path);
                    for epoch in 1..50 {
                        remembered.note(&format!("keystore {thread}"), at(0, epoch));
                        remembered.check("another", at(0, 0)).unwrap();
                    }
                });
            }
        });
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
