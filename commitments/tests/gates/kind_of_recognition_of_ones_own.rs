use regard_commitments::{MaySearch, RecognitionKind, RecognitionMarker};

enum Watching {}

impl RecognitionMarker for Watching {
    const KIND: Option<RecognitionKind> = Some(RecognitionKind::Identify);
}

impl MaySearch for Watching {}

fn main() {}
