use regard_commitments::{Identification, MayEnroll, RecognitionKey};

fn enroll<K: MayEnroll>(_: &RecognitionKey<K>) {}

fn with_a_search_only(key: &RecognitionKey<Identification>) {
    enroll(key);
}

fn main() {}
