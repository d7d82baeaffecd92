//! Coverage-guided: tape archives, plain and compressed.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    regard_fuzz::tape(data);
});
