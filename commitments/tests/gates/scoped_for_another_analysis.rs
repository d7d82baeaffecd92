use regard_commitments::{CountScope, ExpressionScope, Scoped};

fn expressions(_: &Scoped<ExpressionScope>) {}

fn with_counting_only(count: &Scoped<CountScope>) {
    expressions(count);
}

fn main() {}
