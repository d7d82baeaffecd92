use regard_commitments::StudyOnly;
use regard_decision::{FactValue, Outcome};

fn as_a_fact(found: StudyOnly<f64>) -> FactValue {
    found.into()
}

fn as_an_outcome(found: StudyOnly<f32>, outcome: &mut Outcome) {
    outcome.value = found;
}

fn main() {}
