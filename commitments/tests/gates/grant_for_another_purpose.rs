use regard_commitments::{Grant, Recognition, Sensing};

fn embed(_: &Grant<Recognition>) {}

fn with_a_camera_only(grant: &Grant<Sensing>) {
    embed(grant);
}

fn main() {}
