//! Coverage-guided: logs of jobs.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    regard_fuzz::job_log(data);
});
