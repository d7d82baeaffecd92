use regard_commitments::{Grant, Recognition};

struct Chip;
struct Embedding;

fn embed(_: &Chip, _: &Grant<Recognition>) -> Embedding {
    Embedding
}

fn main() {
    let _ = embed(&Chip);
}
