use regard_commitments::{Grant, MicroExpressions, MicroExpressionScope, Scoped, Sensing};

fn spot(_: &MicroExpressions) {}

fn of_passers_by(key: &Grant<Sensing>) {
    spot(key);
}

fn with_the_scope_alone(key: &Scoped<MicroExpressionScope>) {
    spot(key);
}

fn main() {}
