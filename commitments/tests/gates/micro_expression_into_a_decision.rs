use regard_commitments::StudyOnly;

fn context(_: f32) {}

fn as_a_number(found: StudyOnly<f32>) {
    context(found.into());
    context(found.value);
    context(*found);
}

fn as_json(found: &StudyOnly<f32>) -> String {
    regard_commitments::canonical_json(found).unwrap_or_default()
}

fn main() {}
