//! Memory of this process.

/// Resident memory in bytes, from `/proc/self/statm`; 0 where there is none.
pub fn resident_bytes() -> u64 {
    // Linux reports pages of 4 KiB on every machine the program is built for.
    const PAGE_BYTES: u64 = 4_096;
    std::fs::read_to_string("/proc/self/statm")
        .ok()
        .and_then(|text| text.split_whitespace().nth(1)?.parse::<u64>().ok())
        .map_or(0, |pages| pages * PAGE_BYTES)
}
