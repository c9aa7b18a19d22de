//! Files that are read again when they change.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use arc_swap::ArcSwap;

use super::TlsError;

/// What was made out of some files; made anew when one of them changes. The last good value stays in use
/// while the files cannot be loaded: a certificate and its key are replaced one after the other.
///
/// Has no thread of its own: somebody calls [`Reloading::refresh`] now and then. That reads files, so it
/// belongs where blocking is allowed; [`Reloading::current`] never blocks.
pub struct Reloading<T, E = TlsError> {
    paths: Vec<PathBuf>,
    load: Box<dyn Fn() -> Result<T, E> + Send + Sync>,
    current: ArcSwap<T>,
    seen: Mutex<Seen>,
}

/// What a refresh did.
#[derive(Debug)]
pub enum Refreshed<E = TlsError> {
    /// Nothing that anybody has to know: nothing has changed, or a failure that was told before goes on.
    Same,
    /// There is a new value.
    New,
    /// The files as they are now cannot be loaded; the old value stays in use. Told once for each state of
    /// the files, and whenever a refresh is forced.
    Failed(E),
}

struct Seen {
    prints: Vec<Option<Print>>,
    failed: bool,
}

/// What tells one state of a file from another. With the inode, a file that was replaced by one of the same
/// age and length is noticed; with the time of change, one whose age was set back.
#[derive(PartialEq, Eq)]
struct Print {
    device: u64,
    inode: u64,
    length: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl<T, E> Reloading<T, E> {
    /// Loads for the first time. `load` reads `paths` (symbolic links are followed).
    pub fn new(paths: Vec<PathBuf>, load: impl Fn() -> Result<T, E> + Send + Sync + 'static) -> Result<Self, E> {
        // Looked at before they are read: a change in between is found by the next refresh.
        let prints = prints(&paths);
        let current = ArcSwap::from_pointee(load()?);
        Ok(Self { paths, load: Box::new(load), current, seen: Mutex::new(Seen { prints, failed: false }) })
    }

    /// The last value that could be loaded.
    pub fn current(&self) -> Arc<T> {
        self.current.load_full()
    }

    /// Loads again if a file has changed since the last time, if the last load failed (a file may have been
    /// read half-written, with its times not changing any more), or if forced.
    pub fn refresh(&self, force: bool) -> Refreshed<E> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let prints = prints(&self.paths);
        let changed = prints != seen.prints;
        if !changed && !seen.failed && !force {
            return Refreshed::Same;
        }
        let told = seen.failed && !changed && !force;
        seen.prints = prints;
        match (self.load)() {
            Ok(value) => {
                seen.failed = false;
                self.current.store(Arc::new(value));
                Refreshed::New
            }
            Err(error) => {
                seen.failed = true;
                if told { Refreshed::Same } else { Refreshed::Failed(error) }
            }
        }
    }
}

fn prints(paths: &[PathBuf]) -> Vec<Option<Print>> {
    paths.iter().map(|path| print(path)).collect()
}

fn print(path: &Path) -> Option<Print> {
    let data = fs::metadata(path).ok()?;
    Some(Print {
        device: data.dev(),
        inode: data.ino(),
        length: data.len(),
        modified: (data.mtime(), data.mtime_nsec()),
        changed: (data.ctime(), data.ctime_nsec()),
    })
}

impl<T, E> std::fmt::Debug for Reloading<T, E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reloading").field("paths", &self.paths).finish_non_exhaustive()
    }
}
