//! Coverage-guided: backups.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    regard_fuzz::backup(data);
});
