use regard_commitments::{RecognitionKey, SearchKey, Verification};

fn search(_: &SearchKey) {}

fn with_a_claim_only(key: &RecognitionKey<Verification>) {
    search(&key.to_search());
}

fn main() {}
