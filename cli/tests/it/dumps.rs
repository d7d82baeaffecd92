//! A program that dies leaves no copy of its memory behind, and one that runs none in swap where it may lock its memory.
#![cfg(target_os = "linux")]

use std::fs;
use std::process::Command;
use std::thread;
use std::time::Duration;

use crate::faces::Running;

#[test]
fn a_program_that_dies_leaves_no_copy_of_its_memory() {
    let running = Running::start("in_persons_hands");
    let of = |name: &str| fs::read_to_string(format!("/proc/{}/{name}", running.pid())).unwrap();
    // For dumps that a service of the system takes: no mapping is part of one.
    let filter = of("coredump_filter");
    assert_eq!(u32::from_str_radix(filter.trim(), 16), Ok(0), "{filter}");
    // For dumps that are files: none is written, and nobody raises that again.
    let limits = of("limits");
    let limit = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"));
    let words: Vec<&str> = limit.unwrap().split_whitespace().collect();
    assert_eq!(words[4..6], ["0", "0"], "{words:?}");
    let before = fs::read_dir(running.path("")).unwrap().count();
    let aborted = Command::new("kill")
        .args(["-ABRT", &running.pid().to_string()])
        .status();
    assert!(aborted.unwrap().success());
    let stat = format!("/proc/{}/stat", running.pid());
    while fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z")) {
        thread::sleep(Duration::from_millis(20));
    }
    let after = fs::read_dir(running.path("")).unwrap();
    let names: Vec<String> = after
        .map(|one| one.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(names.len(), before, "{names:?}");
    assert!(
        names.iter().all(|name| !name.starts_with("core")),
        "{names:?}"
    );
}

/// Whether this process, and so the program, may lock as much memory as it likes.
fn may_lock_all() -> bool {
    let limits = fs::read_to_string("/proc/self/limits").unwrap();
    let limit = limits
        .lines()
        .find(|line| line.starts_with("Max locked memory"));
    let words: Vec<&str> = limit.unwrap().split_whitespace().collect();
    words[3] == "unlimited"
}

#[test]
fn memory_is_locked_where_it_may_be_as_a_whole_and_else_none_of_it() {
    let running = Running::start("in_persons_hands");
    let status = fs::read_to_string(format!("/proc/{}/status", running.pid())).unwrap();
    let locked = status
        .lines()
        .find_map(|line| line.strip_prefix("VmLck:"))
        .and_then(|line| line.trim().strip_suffix(" kB"));
    let locked_kb: u64 = locked.unwrap().trim().parse().unwrap();
    // Under a limit that is reached memory would be refused, and the program would end.
    assert_eq!(locked_kb > 0, may_lock_all(), "{locked_kb} kB");
}
