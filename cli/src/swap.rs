//! Whether the system may write the memory of this process to a disk: swap it out. Templates of faces and keys lie in it.

/// What becomes of the memory of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Swapping {
    /// It may be locked as a whole, so that none of it is swapped out.
    Locked,
    /// There is nowhere to swap to.
    NowhereTo,
    /// It may be swapped out: no more than so many bytes may be locked, and the whole needs more.
    Possible {
        /// The limit of the process.
        limit_bytes: u64,
    },
    /// It cannot be told.
    Unknown,
}

/// Keeps all memory of this process, now and later, from being swapped out, where it may lock as much as it likes. Under a limit
/// nothing is locked: once it is reached the system would refuse memory, and the program would end.
pub(crate) fn keep_in_memory() {
    match outlook() {
        Swapping::Locked => lock(),
        Swapping::NowhereTo => {}
        Swapping::Possible { limit_bytes } => tracing::info!(
            limit_bytes,
            "memory may be swapped out: LimitMEMLOCK=infinity in the unit of a service lets it be locked"
        ),
        Swapping::Unknown => tracing::info!("whether memory is swapped out cannot be told"),
    }
}

/// What would become of it here.
#[cfg(target_os = "linux")]
pub(crate) fn outlook() -> Swapping {
    use rustix::process::{Resource, getrlimit};

    match getrlimit(Resource::Memlock).current {
        None => Swapping::Locked,
        Some(limit_bytes) => match std::fs::read_to_string("/proc/swaps") {
            Ok(swaps) if has_swap(&swaps) => Swapping::Possible { limit_bytes },
            Ok(_) => Swapping::NowhereTo,
            Err(_) => Swapping::Unknown,
        },
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn outlook() -> Swapping {
    Swapping::Unknown
}

#[cfg(target_os = "linux")]
fn lock() {
    use rustix::mm::{MlockAllFlags, mlockall};

    // Pages that are never touched take no memory for it.
    let all = MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT;
    if let Err(error) = mlockall(all) {
        tracing::warn!(%error, "memory could not be locked: it may be swapped out");
    }
}

#[cfg(not(target_os = "linux"))]
fn lock() {}

/// Whether a list as in `/proc/swaps` names anything: below a line of headings.
#[cfg(target_os = "linux")]
fn has_swap(swaps: &str) -> bool {
    swaps.lines().skip(1).any(|line| !line.trim().is_empty())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::has_swap;

    #[test]
    fn a_list_of_headings_alone_is_no_swap() {
        let headings = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";
        assert!(!has_swap("") && !has_swap(headings));
        let one = "/dev/zram0 partition 4194300 0 100\n";
        assert!(has_swap(&format!("{headings}{one}")));
    }
}
