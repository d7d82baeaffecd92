use regard_commitments::{Grant, Sensing};

fn main() {
    let _ = Grant::<Sensing>::issue(panic!());
}
