//! The whole program is killed at any moment, again and again on the same data, and goes on.
//!
//! `REGARD_KILL_ROUNDS` says how often, `REGARD_KILL_SEED` when; `REGARD_SLOW` turns the promise about
//! the last decisions, which needs a machine that is not busy with other tests, into an assertion.

mod autopsy;
mod persons;
mod site;

use std::env;
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::Path;
use std::process::Stdio;
use std::thread::{self, sleep};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::Value;

use self::autopsy::{Autopsy, Body};
use self::site::site;
use crate::program::program;
use crate::running::{PATIENCE, Serve, token_in};

/// Rounds in every run of the tests, and in the slow ones.
const ROUNDS: (u32, u32) = (3, 200);

/// Most that may be lost: what was decided so shortly before the end.
const LOST_MICROS: i64 = 50_000;

/// The same for machines that do other things at the same time: a disk that takes long is not our
/// failure, decisions that are kept back are.
const LOST_ON_A_BUSY_MACHINE_MICROS: i64 = 2_000_000;

/// A round in so many ends while the program starts.
const STARTS: u32 = 4;

/// The fact that is set in each round, once for each time it was acknowledged.
const FACT: &str = "rounds.seen";

/// Age in microseconds from which on nothing may be lost.
fn limit_micros() -> i64 {
    if env::var_os("REGARD_SLOW").is_some() {
        LOST_MICROS
    } else {
        LOST_ON_A_BUSY_MACHINE_MICROS
    }
}

fn now_micros() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_micros()).unwrap()
}

fn rounds() -> u32 {
    let is_slow = env::var_os("REGARD_SLOW").is_some();
    let usual = if is_slow { ROUNDS.1 } else { ROUNDS.0 };
    env::var("REGARD_KILL_ROUNDS").map_or(usual, |n| n.parse().expect("a number of rounds"))
}

/// A decision that a screen was told of.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) id: String,
    pub(crate) at_micros: i64,
}

/// Every decision in a stream of events, to its end. The stream ends with the program; what was under
/// way in it still arrives.
fn follow(stream: TcpStream) -> thread::JoinHandle<Vec<Told>> {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    thread::spawn(move || {
        let mut told = Vec::new();
        let mut event = String::new();
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            if let Some(name) = line.strip_prefix("event: ") {
                name.clone_into(&mut event);
            }
            let Some(data) = line.strip_prefix("data: ").filter(|_| event == "decision") else {
                continue;
            };
            let decision: Value = serde_json::from_str(data).unwrap();
            told.push(Told {
                id: decision["id"].as_str().unwrap().to_owned(),
                at_micros: decision["at_micros"].as_i64().unwrap(),
            });
        }
        told
    })
}

fn body_of(answer: &str) -> &str {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{answer}");
    body
}

/// What a life of the program left to be found.
#[derive(Default)]
struct Life {
    told: Vec<Told>,
    killed_at_micros: i64,
    fact: Option<u32>,
    ledger_len: u64,
}

/// Lets it run for a while and kills it.
fn live(folder: &Path, round: u32, wait: Duration, token: &mut String, before: &Body) -> Life {
    let serve = Serve::start(folder, &[]);
    let stream = follow(serve.listen("/v1/screens/window/events"));
    if token.is_empty() {
        *token = loop {
            if let Some(token) = token_in(&serve.next_line()) {
                break token;
            }
        };
    }
    // The token of the first start still opens the doors.
    let health: Value =
        serde_json::from_str(body_of(&serve.get("/v1/health", Some(token)))).unwrap();
    let campaigns = serve.get("/v1/campaigns", Some(token));
    site::check_campaigns(body_of(&campaigns));
    let facts: Value = serde_json::from_str(body_of(&serve.get("/v1/facts", Some(token)))).unwrap();
    before.check_fact(&facts[FACT]["value"]);
    let number = round + 1;
    let fact = format!("{{\"{FACT}\": {{\"value\": {number}}}}}");
    let is_acknowledged = serve.put("/v1/facts", token, &fact) == Some(204);
    let set_at_micros = now_micros();
    sleep(wait);
    let killed_at_micros = now_micros();
    let printed = serve.printed();
    serve.kill();
    assert_eq!(token_in(&printed), None, "a second token was made");
    let is_due = killed_at_micros - set_at_micros > limit_micros();
    Life {
        told: stream.join().unwrap(),
        killed_at_micros,
        fact: (is_acknowledged && is_due).then_some(number),
        ledger_len: health["ledger"]["size"].as_u64().unwrap(),
    }
}

/// Kills it while it starts.
fn stillborn(folder: &Path, wait: Duration) -> Life {
    let mut child = program()
        .args(["serve", "--listen", "127.0.0.1:0"])
        .current_dir(folder)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    sleep(wait);
    child.kill().unwrap();
    child.wait().unwrap();
    Life::default()
}

#[test]
fn killed_at_any_moment_it_goes_on_and_has_lost_next_to_nothing() {
    let rounds = rounds();
    let seed: u64 = env::var("REGARD_KILL_SEED")
        .map_or(20_271_101, |seed| seed.parse().expect("a seed is a number"));
    println!("seed {seed}, {rounds} rounds");
    let mut rng = StdRng::seed_from_u64(seed);
    let folder = site();
    let (mut token, mut body) = (String::new(), Body::default());
    let mut losses: Vec<(u32, i64)> = Vec::new();
    let mut n_told = 0;
    for round in 0..rounds {
        let is_stillborn = round > 0 && rng.random_ratio(1, STARTS);
        let life = if is_stillborn {
            stillborn(
                folder.path(),
                Duration::from_micros(rng.random_range(0..1_500_000)),
            )
        } else {
            let wait = Duration::from_micros(rng.random_range(0..4_000_000));
            live(folder.path(), round, wait, &mut token, &body)
        };
        n_told += life.told.len();
        let place = format!("seed {seed}, round {round}");
        let autopsy = Autopsy::of(&folder.path().join("data"), &place);
        body = autopsy.after(&body, life.fact, life.ledger_len);
        let lost = autopsy.lost(&life.told);
        losses.extend(
            lost.iter()
                .map(|one| (round, life.killed_at_micros - one.at_micros)),
        );
    }
    assert!(n_told > 0, "no decision was ever told of");
    check_losses(&losses, n_told);
    // And at the end it can be stopped as ever.
    let serve = Serve::start(folder.path(), &[]);
    assert!(
        serve
            .get("/v1/health", Some(&token))
            .starts_with("HTTP/1.1 200")
    );
    assert_eq!(serve.stop().1, Some(0));
    println!("{body}");
    if rounds >= ROUNDS.1 {
        body.check_has_learned();
    }
}

fn check_losses(losses: &[(u32, i64)], n_told: usize) {
    let oldest = losses.iter().map(|(_, age)| *age).max().unwrap_or(0);
    println!(
        "{} of {n_told} decisions lost, made at most {} ms before the end: {losses:?}",
        losses.len(),
        oldest / 1_000
    );
    assert!(
        oldest <= limit_micros(),
        "lost: round and microseconds before the end: {losses:?}"
    );
}
