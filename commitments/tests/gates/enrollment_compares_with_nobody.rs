use regard_commitments::{Enrollment, MayCompare, MaySearch, RecognitionKey};

fn compare<K: MayCompare>(_: &RecognitionKey<K>) {}

fn search<K: MaySearch>(_: &RecognitionKey<K>) {}

fn with_an_enrolment_only(key: &RecognitionKey<Enrollment>) {
    compare(key);
    search(key);
}

fn main() {}
