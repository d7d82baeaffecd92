//! Coverage-guided: a person's papers.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    regard_fuzz::papers(data);
});
