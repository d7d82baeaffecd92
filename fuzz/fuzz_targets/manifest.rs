//! Coverage-guided: manifests of models.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    regard_fuzz::manifest(data);
});
