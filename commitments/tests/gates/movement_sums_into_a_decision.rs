use regard_commitments::MovementSums;

fn reward(_: f32) {}

fn as_a_number(sum: MovementSums<f32>) {
    reward(sum);
    reward(sum.0);
    reward(*sum);
}

fn main() {}
