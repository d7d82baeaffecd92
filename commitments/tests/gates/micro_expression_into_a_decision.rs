use regard_commitments::StudyOnly;

fn context(_: f32) {}

fn as_a_number(found: StudyOnly<f32>) {
    context(found);
    context(found.value);
    context(*found);
}

fn main() {}
