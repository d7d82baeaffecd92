use regard_commitments::{Commitments, Profile, SensingGate};

fn main() {
    let _ = SensingGate::new(Commitments::demo(), Profile::named("lab").unwrap());
}
