use regard_commitments::{Grant, Identification, Recognition, RecognitionKey};

fn widen(grant: Grant<Recognition>) -> RecognitionKey<Identification> {
    RecognitionKey::new(grant)
}

fn main() {}
