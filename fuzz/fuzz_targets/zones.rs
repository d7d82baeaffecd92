//! Coverage-guided: zones that are not looked at.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    regard_fuzz::zones(data);
});
