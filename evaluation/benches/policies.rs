//! Policies beside VowpalWabbit: what they lose on the same streams, and how long a decision takes.
//!
//! `cargo xtask bench policies` runs it. With a Python that has `tools/policies/requirements.txt` in
//! `REGARD_POLICIES_PYTHON` the rival runs beside; without it, only our own figures are printed.
//! `REGARD_POLICIES_WORK` keeps streams and the rival's results there and uses what it finds.
#![expect(clippy::unwrap_used, reason = "a bench that cannot be set up may stop")]
#![expect(clippy::print_stdout, reason = "benches talk to the terminal")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use regard_decision::{
    Action, FeatureSpace, LearnerConfig, LearnerKind, Mean, PolicyConfig, Workspace,
    new_policy_over,
};
use regard_domain::{CreativeId, student};
use regard_evaluation::{LoggedStream, Stream, World};
use serde::Deserialize;

/// Of VowpalWabbit's regret at most so much, in each world.
const MOST_REGRET: f64 = 1.05;

/// Longest decision, in microseconds.
const MOST_MICROS: f64 = 20.0;

/// What one policy made of one file.
#[derive(Clone, Debug, Deserialize)]
struct Made {
    stream: String,
    #[serde(rename = "file")]
    _file: String,
    policy: String,
    reward: f64,
    regret: Option<f64>,
}

fn ours() -> Vec<(String, PolicyConfig)> {
    let config = LearnerConfig::default();
    let fading = LearnerConfig {
        half_life_plays: Some(1_000.0),
        ..config
    };
    let one = |name: &str, policy| (name.to_owned(), policy);
    vec![
        one("lints", PolicyConfig::Lints(config)),
        one("lints half_life_plays=1000", PolicyConfig::Lints(fading)),
        one("squarecb", PolicyConfig::Squarecb(config)),
        one("bootstrapped", PolicyConfig::Bootstrapped(config)),
        one("epsilon", PolicyConfig::Epsilon(config)),
        one(
            "linucb",
            PolicyConfig::Linucb {
                exploration: 0.05,
                alpha: 0.5,
                ridge: 1.0,
            },
        ),
    ]
}

fn tools() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tools/policies")
}

fn python(script: &str, args: &[&Path]) -> Option<String> {
    let python = std::env::var_os("REGARD_POLICIES_PYTHON")?;
    let output = Command::new(python)
        .arg(tools().join(script))
        .args(args)
        .stderr(std::process::Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.status.success(), "{script} failed");
    Some(String::from_utf8(output.stdout).unwrap())
}

/// Writes the worlds, and has the data sets written, where they are not there yet.
fn streams(work: &Path) -> PathBuf {
    let folder = work.join("streams");
    if !folder.exists() {
        fs::create_dir_all(&folder).unwrap();
        for world in World::ALL {
            for seed in World::seeds() {
                let file = folder.join(format!("{}-{seed}.ndjson", world.name()));
                fs::write(file, world.stream(seed).to_ndjson()).unwrap();
            }
        }
        if python("datasets.py", &[&folder]).is_none() {
            println!("skipped: VowpalWabbit and the data sets: REGARD_POLICIES_PYTHON is not set");
        }
    }
    folder
}

fn run(folder: &Path) -> Vec<Made> {
    let mut results = Vec::new();
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .flatten()
        .map(|e| e.path())
        .collect();
    files.sort();
    for (i, path) in files.iter().enumerate() {
        let file = path.file_name().unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(path).unwrap();
        let note = |stream: &str, policy: &str, reward, regret| Made {
            stream: stream.to_owned(),
            _file: file.clone(),
            policy: policy.to_owned(),
            reward,
            regret,
        };
        if file.ends_with(".logged.ndjson") {
            let stream = LoggedStream::from_ndjson(&text).unwrap();
            for (name, policy) in ours() {
                let terms = stream.learn(policy).unwrap();
                let reward = terms.iter().sum::<f64>() / terms.len() as f64;
                results.push(note(&stream.name, &name, reward, None));
            }
        } else {
            let stream = Stream::from_ndjson(&text).unwrap();
            for (name, policy) in ours() {
                let contest = stream.play(policy, i as u64).unwrap();
                let (reward, regret) = (contest.mean_reward(), contest.regret());
                results.push(note(&stream.name, &name, reward, Some(regret)));
            }
        }
    }
    results
}

fn mean(results: &[&Made], value: impl Fn(&Made) -> f64) -> Mean {
    let values: Vec<f64> = results.iter().map(|r| value(r)).collect();
    let mut mean = Mean::of(values.iter().map(|v| *v as f32)).unwrap();
    // Each value is a mean over a whole stream, so they are near normal: Student's interval is theirs.
    mean.interval = student(&values, 0.05);
    mean
}

fn by_policy<'a>(results: &'a [Made], stream: &str) -> BTreeMap<&'a str, Vec<&'a Made>> {
    let mut found: BTreeMap<&str, Vec<&Made>> = BTreeMap::new();
    for result in results.iter().filter(|r| r.stream == stream) {
        found.entry(&result.policy).or_default().push(result);
    }
    found
}

/// The policy with the least regret, or the greatest reward where regret is not known.
fn best<'a>(found: &BTreeMap<&'a str, Vec<&'a Made>>) -> Option<&'a str> {
    let worth = |results: &Vec<&Made>| mean(results, |r| r.regret.map_or(r.reward, |x| -x)).mean;
    let ranked = found
        .iter()
        .max_by(|a, b| worth(a.1).total_cmp(&worth(b.1)));
    ranked.map(|(policy, _)| *policy)
}

fn print(results: &[Made], rivals: &[Made]) {
    let names: BTreeSet<&str> = results.iter().map(|r| r.stream.as_str()).collect();
    println!(
        "stream, policy: mean reward (95 % over permutations or seeds), regret, of VowpalWabbit's best"
    );
    for name in names {
        let (of_us, of_them) = (by_policy(results, name), by_policy(rivals, name));
        let rival = best(&of_them).map(|policy| &of_them[policy]);
        for (policy, all) in of_them.iter().chain(&of_us) {
            let reward = mean(all, |r| r.reward);
            let (low, high) = reward.interval.unwrap_or((f64::NAN, f64::NAN));
            let regret = all[0]
                .regret
                .map(|_| mean(all, |r| r.regret.unwrap_or(0.0)).mean);
            let is_ours = of_us.contains_key(policy)
                && !std::ptr::eq(all, of_them.get(policy).unwrap_or(&Vec::new()));
            let ratio = rival
                .zip(regret)
                .filter(|_| is_ours)
                .map(|(rival, regret)| regret / mean(rival, |r| r.regret.unwrap_or(0.0)).mean);
            println!(
                "{name:<14} {:<3}{policy:<28} {:.4} ({low:.4} to {high:.4}) {} {}",
                if is_ours { "" } else { "VW " },
                reward.mean,
                regret.map_or_else(String::new, |r| format!("{r:>8.1}")),
                ratio.map_or_else(String::new, |r| format!(
                    "× {r:.2}{}",
                    if r <= MOST_REGRET { "" } else { " (more)" }
                )),
            );
        }
        if let (Some(rival), Some(mine)) = (rival, best(&of_us).map(|p| &of_us[p])) {
            let (a, b) = (mean(mine, |r| r.reward), mean(rival, |r| r.reward));
            let reaches = a.interval.map_or(a.mean, |i| i.1) >= b.interval.map_or(b.mean, |i| i.0);
            let better = a.interval.map_or(a.mean, |i| i.0) > b.interval.map_or(b.mean, |i| i.1);
            let verdict = if better {
                "better"
            } else if reaches {
                "equal within intervals"
            } else {
                "worse"
            };
            println!(
                "{name:<14} best against best: {:.4} and {:.4}: {verdict}\n",
                a.mean, b.mean
            );
        }
    }
}

/// Microseconds of a decision: 50 messages of 10 features, 10 of the context and the one that is always 1.
fn micros(kind: LearnerKind) -> f64 {
    let names = |prefix: &str, n: usize| (0..n).map(|i| format!("{prefix}{i}")).collect::<Vec<_>>();
    let space = FeatureSpace::new(&names("c", 11), names("a", 10));
    let config = LearnerConfig::default();
    let mut policy = new_policy_over(
        match kind {
            LearnerKind::Epsilon => PolicyConfig::Epsilon(config),
            LearnerKind::Lints => PolicyConfig::Lints(config),
            LearnerKind::Squarecb => PolicyConfig::Squarecb(config),
            LearnerKind::Bootstrapped => PolicyConfig::Bootstrapped(config),
        },
        &space,
    );
    let value = |seed: usize| (seed.wrapping_mul(2_654_435_761) % 1_000) as f32 / 1_000.0;
    let ids: Vec<CreativeId> = (0..50)
        .map(|i| CreativeId::new(format!("m{i}")).unwrap())
        .collect();
    let features: Vec<Vec<f32>> = (0..50)
        .map(|k| (0..10).map(|i| value(k * 31 + i)).collect())
        .collect();
    let actions: Vec<Action<'_>> = ids
        .iter()
        .zip(&features)
        .map(|(creative, features)| Action::featured(creative, features))
        .collect();
    let context = |i: usize| -> Vec<f32> {
        std::iter::once(1.0)
            .chain((0..10).map(|c| value(i * 17 + c)))
            .collect()
    };
    for i in 0..200 {
        policy
            .update_with((&ids[i % 50], &features[i % 50]), &context(i), value(i))
            .unwrap();
    }
    let contexts: Vec<Vec<f32>> = (0..2_000).map(context).collect();
    let (mut work, mut out) = (Workspace::default(), Vec::new());
    let mut times: Vec<f64> = contexts
        .iter()
        .map(|context| {
            let began = Instant::now();
            policy.propensities_into(std::hint::black_box(context), &actions, &mut work, &mut out);
            std::hint::black_box(&out);
            began.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[times.len() / 10]
}

fn main() {
    let wants = |what: &str| {
        let mut named = std::env::args()
            .skip(1)
            .filter(|a| !a.starts_with("--"))
            .peekable();
        named.peek().is_none() || named.any(|a| a == what)
    };
    if wants("speed") {
        println!(
            "one decision, 50 messages, 10 × 10 features interacted, fastest tenth, microseconds:"
        );
        for kind in [
            LearnerKind::Epsilon,
            LearnerKind::Lints,
            LearnerKind::Squarecb,
            LearnerKind::Bootstrapped,
        ] {
            let micros = micros(kind);
            let verdict = if micros <= MOST_MICROS {
                ""
            } else {
                " (more than promised)"
            };
            println!("  {:<14} {micros:>6.1}{verdict}", kind.name());
        }
        match python("speed.py", &[]) {
            Some(text) => println!("  VowpalWabbit   parsed, from text: {}", text.trim()),
            None => println!("  VowpalWabbit   skipped: REGARD_POLICIES_PYTHON is not set"),
        }
    }
    if wants("streams") {
        let temporary =
            std::env::temp_dir().join(format!("regard-policies-{}", std::process::id()));
        let kept = std::env::var_os("REGARD_POLICIES_WORK").map(PathBuf::from);
        let work = kept.clone().unwrap_or_else(|| temporary.clone());
        fs::create_dir_all(&work).unwrap();
        let folder = streams(&work);
        let of_rivals = work.join("rivals.json");
        if !of_rivals.exists() {
            python("rivals.py", &[&folder, &of_rivals]);
        }
        let rivals = fs::read_to_string(&of_rivals)
            .map_or_else(|_| Vec::new(), |text| serde_json::from_str(&text).unwrap());
        print(&run(&folder), &rivals);
        if kept.is_none() {
            fs::remove_dir_all(&temporary).unwrap();
        }
    }
}
