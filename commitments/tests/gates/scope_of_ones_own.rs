use regard_commitments::{Scope, ScopeMarker};

enum Mood {}

impl ScopeMarker for Mood {
    const SCOPE: Scope = Scope::Expression;
}

fn main() {}
