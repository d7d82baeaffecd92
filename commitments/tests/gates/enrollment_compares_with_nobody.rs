use regard_commitments::{CompareKey, Enrollment, RecognitionKey, SearchKey};

fn compare(_: &CompareKey) {}

fn search(_: &SearchKey) {}

fn with_an_enrolment_only(key: &RecognitionKey<Enrollment>) {
    compare(&key.to_compare());
    search(&key.to_search());
}

fn main() {}
