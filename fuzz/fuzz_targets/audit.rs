//! Coverage-guided: reports of audits.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    regard_fuzz::audit(data);
});
