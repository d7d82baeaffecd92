//! What the program leaves behind when it dies: no copy of its memory, in which templates of faces and keys lie.

/// Has the kernel write no memory of this process into a core dump, whoever takes such dumps: neither a file beside the program nor a
/// service of the system that dumps are handed to. Children inherit it. Best effort: a kernel without a filter is told of.
#[cfg(target_os = "linux")]
pub(crate) fn leave_none() {
    use rustix::process::{Resource, Rlimit, setrlimit};

    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    if let Err(error) = setrlimit(Resource::Core, none) {
        tracing::warn!(%error, "core dumps could not be limited");
    }
    // The limit does not hold where dumps are handed to a program; the filter does: no mapping is written at all.
    if let Err(error) = std::fs::write("/proc/self/coredump_filter", "0") {
        tracing::warn!(%error, "a core dump of this process would hold its memory");
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn leave_none() {}
