use regard_commitments::StudyOnly;
use regard_decision::{FactValue, Facts, Outcome};

fn as_a_fact(found: StudyOnly<f64>, facts: &mut Facts) {
    let _ = facts.set("shown", FactValue::Number(found));
    let _ = facts.set("shown", found.into());
}

fn as_an_outcome(found: StudyOnly<f32>, outcome: &mut Outcome) {
    outcome.value = found;
}

fn main() {}
