use regard_commitments::Kept;
use regard_domain::Timestamp;

fn main() {
    let _ = Kept { row: "decision", keep_until: Timestamp::from_millis(i64::MAX) };
}
