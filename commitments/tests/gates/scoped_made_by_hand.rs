use std::marker::PhantomData;

use regard_commitments::{CountScope, ExpressionScope, Scoped};

fn widen(count: Scoped<CountScope>) -> Scoped<ExpressionScope> {
    Scoped { grant: count.grant().clone(), scope: PhantomData }
}

fn main() {}
