use std::marker::PhantomData;

use regard_commitments::{Grant, Sensing};

fn main() {
    let _ = Grant::<Sensing> { state: Default::default(), purpose: PhantomData };
}
