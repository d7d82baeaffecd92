use regard_evaluation::World;
use std::io::Write;
fn main() {
    let folder = std::env::args().nth(1).unwrap();
    for world in World::ALL {
        for seed in World::seeds() {
            let stream = world.stream(seed);
            let path = format!("{folder}/{}-{seed}.ndjson", world.name());
            let mut out = std::io::BufWriter::new(std::fs::File::create(path).unwrap());
            out.write_all(stream.to_ndjson().as_bytes()).unwrap();
        }
    }
}
