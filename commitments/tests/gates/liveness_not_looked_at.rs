use regard_commitments::{Presenting, RecognitionKey, Verification};

fn embed(_: &RecognitionKey<Verification>) {}

fn before_the_face_is_known_to_live(presenting: &Presenting<Verification>) {
    embed(presenting);
}

fn main() {}
