use regard_commitments::Kept;
use regard_domain::Timestamp;

fn prolong(mut kept: Kept<u8>) {
    kept.keep_until = Timestamp::from_millis(i64::MAX);
}

fn main() {}
