//! What this process and this machine report about themselves.

use std::fs;

/// Ticks a second in which Linux counts processor time, on every machine the program is built for.
const TICKS_PER_SEC: f64 = 100.0;

/// Processor time this process has used, in seconds; 0 where there is no `/proc`.
pub(super) fn cpu_secs() -> f64 {
    let Ok(text) = fs::read_to_string("/proc/self/stat") else {
        return 0.0;
    };
    // The name in parentheses may hold spaces; user and system time are fields 14 and 15.
    let after_name = text.rsplit(')').next().unwrap_or_default();
    let fields = after_name.split_whitespace().skip(11).take(2);
    fields.filter_map(|f| f.parse::<f64>().ok()).sum::<f64>() / TICKS_PER_SEC
}

/// Greatest resident memory of this process so far, in MB (10⁶ bytes).
pub(super) fn max_resident_mb() -> f64 {
    let text = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|l| l.strip_prefix("VmHWM:"));
    let kib = line.and_then(|l| l.split_whitespace().next()?.parse::<f64>().ok());
    kib.unwrap_or(0.0) * 1024.0 / 1e6
}

/// The processor, its cores, and how busy it was before: figures are worth little on a busy machine.
pub(super) fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = text
        .lines()
        .find_map(|l| l.strip_prefix("model name"))
        .and_then(|l| l.split(": ").nth(1))
        .unwrap_or("unknown processor");
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split_whitespace().next().unwrap_or("unknown");
    format!("{name}, {cores} cores; load average of the last minute before: {load}")
}
