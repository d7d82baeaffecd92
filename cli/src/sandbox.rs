//! What the program takes from itself once its configuration is read: it writes its data folder, reads what
//! the configuration names and what the system is made of, connects to its cameras, and starts nothing
//! but `ffmpeg`, and that only where a camera needs it.
//!
//! Everything here is best effort: a kernel that cannot enforce a part is told of, and the program runs.
//! It must be entered before any thread is started, since threads inherit it and others are not touched.

#[cfg(target_os = "linux")]
mod files;
mod reach;
#[cfg(target_os = "linux")]
mod syscalls;

pub(crate) use reach::Reach;
use regard_server::SandboxState;

/// Gives up everything that is not in `reach`, for this thread and all it starts from now on. What came of
/// it, in words.
pub(crate) fn enter(reach: &Reach) -> SandboxState {
    let state = enter_kernel(reach);
    tracing::info!(files = %state.files, calls = %state.calls, "sandbox");
    state
}

#[cfg(target_os = "linux")]
fn enter_kernel(reach: &Reach) -> SandboxState {
    SandboxState {
        files: files::restrict(reach).unwrap_or_else(|error| format!("not limited: {error}")),
        calls: syscalls::restrict(reach.starts_programs)
            .unwrap_or_else(|error| format!("not limited: {error}")),
    }
}

#[cfg(not(target_os = "linux"))]
fn enter_kernel(_: &Reach) -> SandboxState {
    SandboxState::none("this system has neither Landlock nor seccomp")
}

/// What this kernel could enforce, in words; nothing where it cannot.
pub(crate) fn available() -> [(&'static str, Option<String>); 2] {
    #[cfg(target_os = "linux")]
    {
        [
            ("Landlock", files::available()),
            ("seccomp", syscalls::available()),
        ]
    }
    #[cfg(not(target_os = "linux"))]
    {
        [("Landlock", None), ("seccomp", None)]
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests;
