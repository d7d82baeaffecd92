//! Parts of a gallery in processes of their own, on loopback.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use regard_backends::{RemoteShard, ShardSecret, ShardServer};
use regard_commitments::{Grant, Recognition, Zeroizing};
use regard_domain::{PersonId, TemplateId};
use regard_identity::{
    Embedding, Enrolment, ExactGallery, GalleryError, GalleryLimits, GalleryTransform,
    Part as HeldPart, Shard, ShardedGallery, TemplateKind,
};
use regard_testkit::conformance::gallery::{DIMENSION, MODEL, first_transform, random_embedding};
use regard_testkit::conformance::shards::parts_answer_as_one;

/// Tells a process of the tests that it is a part.
const IS_PART: &str = "REGARD_TEST_SHARD";

/// Parts of the gallery.
const N_PARTS: usize = 4;

fn secret(byte: u8) -> ShardSecret {
    ShardSecret::new(Zeroizing::new([byte; 32]))
}

fn kind() -> TemplateKind {
    TemplateKind {
        model: MODEL,
        transform: first_transform().id(),
        dimension: DIMENSION,
    }
}

fn exact() -> ExactGallery {
    ExactGallery::new(first_transform(), MODEL, GalleryLimits::default())
}

/// The part's own process: without its variable, as in every ordinary run, there is nothing to do.
#[test]
fn part() {
    if env::var_os(IS_PART).is_none() {
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    println!("listening on {}", listener.local_addr().unwrap());
    let mut rng = ChaCha20Rng::seed_from_u64(u64::from(std::process::id()));
    let server = ShardServer::new(secret(1), &mut rng);
    let mut part = HeldPart::new(GalleryLimits::default());
    part.begin(kind()).unwrap();
    server.serve(&listener, Box::new(part)).unwrap();
}

/// A process that is a part, ended with the test.
struct Part {
    process: Child,
    address: SocketAddr,
}

impl Part {
    fn start() -> Self {
        let mut command = Command::new(env::current_exe().unwrap());
        command
            .args(["shards::part", "--exact", "--nocapture"])
            .env(IS_PART, "1");
        let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let address = lines
            .map_while(Result::ok)
            .find_map(|line| line.split("listening on ").nth(1)?.trim().parse().ok())
            .unwrap();
        Self { process, address }
    }

    fn shard(&self, secret: ShardSecret) -> RemoteShard {
        RemoteShard::new(self.address, secret, &mut ChaCha20Rng::seed_from_u64(9))
    }

    fn end(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn four_processes_answer_as_one_gallery() {
    let parts: Vec<Part> = (0..N_PARTS).map(|_| Part::start()).collect();
    let shards = parts
        .iter()
        .map(|part| -> Box<dyn Shard> { Box::new(part.shard(secret(1))) });
    parts_answer_as_one(shards.collect(), Box::new(exact()), 31);
}

#[test]
fn when_a_part_is_gone_nothing_is_answered() {
    let mut parts: Vec<Part> = (0..2).map(|_| Part::start()).collect();
    let shards = parts
        .iter()
        .map(|part| -> Box<dyn Shard> { Box::new(part.shard(secret(1))) });
    let gallery = ShardedGallery::new(first_transform(), MODEL, shards.collect()).unwrap();
    let key = Grant::<Recognition>::for_evaluation();
    let probe: Embedding = random_embedding(&mut ChaCha20Rng::seed_from_u64(2));
    assert_eq!(gallery.search_batch(&[&probe], 3, &key).unwrap().len(), 1);
    parts[1].end();
    let answer = gallery.search_batch(&[&probe], 3, &key);
    assert!(matches!(answer, Err(GalleryError::Index { .. })));
}

#[test]
fn who_lacks_the_secret_learns_nothing() {
    let part = Part::start();
    let stranger = part.shard(secret(2));
    assert!(matches!(
        stranger.n_templates(),
        Err(GalleryError::Index { .. })
    ));
    // The part goes on answering others.
    assert_eq!(part.shard(secret(1)).n_templates().unwrap(), 0);
}

#[test]
fn whoever_has_not_shown_the_secret_fills_no_memory() {
    let part = Part::start();
    let mut stream = TcpStream::connect(part.address).unwrap();
    stream.write_all(b"regard shard v1\0").unwrap();
    stream.write_all(&[7; 32]).unwrap();
    // As long as a message may be of whoever has it.
    let announced = 39_000_000_u32;
    stream.write_all(&announced.to_be_bytes()).unwrap();
    let filling = vec![0; announced as usize];
    assert!(stream.write_all(&filling).is_err(), "it was taken");
}

#[test]
fn connections_of_machines_that_are_gone_keep_nobody_out() {
    let part = Part::start();
    // Held and silent, as those of machines without power.
    let mut held: Vec<RemoteShard> = Vec::new();
    let ask = |shard: &RemoteShard| shard.n_templates();
    for _ in 0..64 {
        let shard = part.shard(secret(1));
        assert_eq!(ask(&shard).unwrap(), 0);
        held.push(shard);
    }
    assert_eq!(ask(&held[0]).unwrap(), 0);
    let further = part.shard(secret(1));
    assert_eq!(ask(&further).unwrap(), 0);
    // The one that asked nothing for the longest time had to go; it may come again.
    assert_eq!(ask(&held[0]).unwrap(), 0);
    assert!(matches!(ask(&held[1]), Err(GalleryError::Index { .. })));
    assert_eq!(ask(&held[1]).unwrap(), 0);
}

#[test]
fn a_part_forgets_what_the_site_says() {
    let part = Part::start();
    let mut shard = part.shard(secret(1));
    let other = TemplateKind {
        transform: GalleryTransform::from_key(&[3; 32], DIMENSION)
            .unwrap()
            .id(),
        ..kind()
    };
    let face: Embedding = random_embedding(&mut ChaCha20Rng::seed_from_u64(4));
    let template = || first_transform().template(&face).unwrap();
    let enrolment = Enrolment {
        template: TemplateId::from_bits(1),
        person: PersonId::from_bits(2),
        picture: None,
        values: template(),
    };
    shard.insert(enrolment).unwrap();
    let key = Grant::<Recognition>::for_evaluation();
    let found = |shard: &RemoteShard| shard.search(&[&template()], 1, &key);
    assert_eq!(
        found(&shard).unwrap()[0].hits[0].person,
        PersonId::from_bits(2)
    );
    shard.begin(other).unwrap();
    assert_eq!(found(&shard).unwrap()[0].hits.len(), 1);
    shard.keep_only(other).unwrap();
    assert!(matches!(found(&shard), Err(GalleryError::OtherTransform)));
    shard.begin(kind()).unwrap();
    assert!(found(&shard).unwrap()[0].hits.is_empty());
}
