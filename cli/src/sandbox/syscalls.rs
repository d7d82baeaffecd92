//! Calls into the kernel that nothing here ever makes, by seccomp.
//!
//! A list of what is refused, not of what is allowed: model runtimes, drivers and `ffmpeg` call what they
//! like, and a list of the allowed would break them with every version. What is refused answers "not
//! permitted", so that a library that tries and goes on without does so.

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, apply_filter,
};

/// Other processes, the kernel and its modules, mounts and namespaces, clocks and names of the machine,
/// keys, and interfaces with a history of holes.
const REFUSED: &[i64] = &[
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_open_by_handle_at,
    libc::SYS_name_to_handle_at,
    libc::SYS_fanotify_init,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_reboot,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_adjtimex,
    libc::SYS_clock_adjtime,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_syslog,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    libc::SYS_personality,
    libc::SYS_vhangup,
];

#[cfg(target_arch = "x86_64")]
const REFUSED_HERE: &[i64] = &[
    libc::SYS_iopl,
    libc::SYS_ioperm,
    libc::SYS_modify_ldt,
    libc::SYS_kexec_file_load,
    libc::SYS_uselib,
    libc::SYS_ustat,
    libc::SYS_sysfs,
];
#[cfg(not(target_arch = "x86_64"))]
const REFUSED_HERE: &[i64] = &[];

/// Starting another program.
const STARTING: &[i64] = &[libc::SYS_execve, libc::SYS_execveat];

/// Kinds of sockets that are opened: this machine, both internets, and the kernel's word on addresses, which
/// looking up names asks for.
const SOCKETS: &[i32] = &[
    libc::AF_UNIX,
    libc::AF_INET,
    libc::AF_INET6,
    libc::AF_NETLINK,
];

/// Limits this thread, and all it starts; what came of it, in words.
pub(super) fn restrict(starts_programs: bool) -> Result<String, seccompiler::Error> {
    apply_filter(&program(starts_programs)?)?;
    let n_refused = REFUSED.len() + REFUSED_HERE.len();
    Ok(if starts_programs {
        format!("{n_refused} calls refused; ffmpeg may be started")
    } else {
        format!("{n_refused} calls refused; no program can be started")
    })
}

fn program(starts_programs: bool) -> Result<BpfProgram, seccompiler::Error> {
    let starting = if starts_programs { &[] } else { STARTING };
    let refused = REFUSED.iter().chain(REFUSED_HERE).chain(starting);
    // An empty list of rules: whatever its arguments are.
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        refused.map(|call| (*call, Vec::new())).collect();
    rules.insert(libc::SYS_socket, vec![other_socket()?]);
    let not_permitted = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    let filter = SeccompFilter::new(
        rules,
        SeccompAction::Allow,
        not_permitted,
        std::env::consts::ARCH.try_into()?,
    )?;
    Ok(filter.try_into()?)
}

/// A socket of none of the kinds that are opened.
fn other_socket() -> Result<SeccompRule, seccompiler::BackendError> {
    let conditions: Result<Vec<SeccompCondition>, _> = SOCKETS
        .iter()
        .map(|kind| {
            let kind = u64::from(kind.unsigned_abs());
            SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, kind)
        })
        .collect();
    SeccompRule::new(conditions?)
}

/// Whether the kernel has it.
pub(super) fn available() -> Option<String> {
    let actions = std::fs::read_to_string("/proc/sys/kernel/seccomp/actions_avail").ok()?;
    actions
        .split_whitespace()
        .any(|action| action == "errno")
        .then(|| "filters".to_owned())
}
