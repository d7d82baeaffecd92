//! Coverage-guided: papers that the law asks for.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    regard_fuzz::legal_papers(data);
});
