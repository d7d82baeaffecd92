use regard_commitments::Purpose;

enum Marketing {}

impl Purpose for Marketing {
    const NAME: &'static str = "marketing";
}

fn main() {}
