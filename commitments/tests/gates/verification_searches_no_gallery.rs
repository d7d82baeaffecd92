use regard_commitments::{MaySearch, RecognitionKey, Verification};

fn search<K: MaySearch>(_: &RecognitionKey<K>) {}

fn with_a_claim_only(key: &RecognitionKey<Verification>) {
    search(key);
}

fn main() {}
