//! Coverage-guided: photographs of all formats.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    regard_fuzz::photo(data);
});
