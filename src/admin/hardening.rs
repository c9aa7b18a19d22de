//! Keeps keys in this process's memory from being written elsewhere: core dumps, swap.
//!
//! What is not done, and why, stands in docs/adr/0013: memory is not locked.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use rustix::process::{Resource, Rlimit, setrlimit};

/// What could not be had.
#[derive(Debug, thiserror::Error)]
pub enum Gap {
    /// A crash may write the memory, with keys in it, to a file.
    #[error("core dumps cannot be switched off ({0}): a crash may write keys to a file")]
    CoreDumps(io::Error),
    /// Memory may be written to a disk that others can read later.
    #[error(
        "keys may be swapped out to {0}, which is not known to be encrypted: switch swap off, encrypt it, or set MemorySwapMax=0 in pgveil's unit"
    )]
    Swap(String),
}

/// No core dumps of this process, neither by its own limits nor through the kernel's pipe to a collector
/// (which does not ask for limits); nobody but root may attach to it or read its memory.
///
/// To be called before anything secret is read. It lasts until the process ends and holds for children up
/// to their `exec` only, but for the limit, which they keep.
///
/// Of `/proc/PID` a process that cannot be dumped keeps what it reads itself (`/proc/self/fd`, status,
/// mountinfo): these files only belong to root then.
pub fn no_dumps() -> Result<(), Gap> {
    let gap = |error: rustix::io::Errno| Gap::CoreDumps(error.into());
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(gap)?;
    }
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) }).map_err(gap)
}

/// Can memory of this process be written to swap that may be read later? Only Linux is asked.
pub fn no_swap() -> Result<(), Gap> {
    let Ok(swaps) = fs::read_to_string("/proc/swaps") else { return Ok(()) };
    match open_swap(&swaps, Path::new("/sys")) {
        Some(swap) if !forbidden_by_cgroup() => Err(Gap::Swap(swap)),
        _ => Ok(()),
    }
}

/// The first swap area that is neither encrypted nor in memory.
fn open_swap(swaps: &str, sys: &Path) -> Option<String> {
    // A table with a heading; spaces in names are escaped.
    let areas = swaps.lines().skip(1).filter_map(|line| line.split_whitespace().next());
    areas.into_iter().find(|area| !is_safe(area, sys)).map(str::to_owned)
}

/// dm-crypt's volumes say so in their UUID; zram is compressed memory, unless it writes back to a disk.
fn is_safe(area: &str, sys: &Path) -> bool {
    let Some(device) = area.strip_prefix("/dev/") else { return false };
    let of_device = sys.join("block").join(device);
    let about = |file: PathBuf| fs::read_to_string(file).unwrap_or_default();
    if device.starts_with("zram") {
        return matches!(about(of_device.join("backing_dev")).trim(), "" | "none");
    }
    about(of_device.join("dm").join("uuid")).starts_with("CRYPT-")
}

/// Is there a cgroup around this process that may not swap? (`memory.swap.max`, version 2 only.)
fn forbidden_by_cgroup() -> bool {
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let Some(path) = groups.lines().find_map(|line| line.strip_prefix("0::/")) else { return false };
    let limit = |group: &Path| fs::read_to_string(Path::new("/sys/fs/cgroup").join(group).join("memory.swap.max"));
    Path::new(path).ancestors().any(|group| limit(group).is_ok_and(|limit| limit.trim() == "0"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const HEADING: &str = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";

    fn swap_on(areas: &[&str], sys: &Path) -> Option<String> {
        let lines: Vec<String> = areas.iter().map(|area| format!("{area} partition 8388604 0 -2")).collect();
        open_swap(&format!("{HEADING}{}", lines.join("\n")), sys)
    }

    #[test]
    fn swap_on_a_disk_is_named_and_encrypted_swap_is_not() {
        let sys = tempfile::tempdir().unwrap();
        let file = |path: &str, text: &str| {
            let path = sys.path().join("block").join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        file("dm-0/dm/uuid", "CRYPT-PLAIN-swap\n");
        file("dm-1/dm/uuid", "LVM-abc\n");
        file("zram0/backing_dev", "none\n");
        file("zram1/backing_dev", "/dev/sda3\n");
        let on = |areas: &[&str]| swap_on(areas, sys.path());
        assert_eq!(on(&[]), None);
        assert_eq!(on(&["/dev/dm-0", "/dev/zram0"]), None);
        for area in ["/dev/dm-1", "/dev/zram1", "/dev/sda2", "/swapfile"] {
            assert_eq!(on(&["/dev/dm-0", area]).as_deref(), Some(area));
        }
    }
}
