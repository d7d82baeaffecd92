use regard_decision::*;
use regard_evaluation::*;
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let folder = &args[1];
    let kinds: Vec<&str> = args[2].split(',').collect();
    let ridges: Vec<f32> = args[3].split(',').map(|v| v.parse().unwrap()).collect();
    let widths: Vec<f32> = args[4].split(',').map(|v| v.parse().unwrap()).collect();
    let expl: Vec<f32> = args[5].split(',').map(|v| v.parse().unwrap()).collect();
    let halves: Vec<f32> = args[6].split(',').map(|v| v.parse().unwrap()).collect();
    let only: Vec<&str> = args[7].split(',').collect();
    let n: usize = args[8].parse().unwrap();
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .flatten()
        .map(|e| e.path())
        .collect();
    files.sort();
    for name in only {
        let mine: Vec<_> = files
            .iter()
            .filter(|f| {
                let f = f.file_name().unwrap().to_str().unwrap();
                f.starts_with(&format!("{name}-")) && !f.contains("logged")
            })
            .take(n)
            .collect();
        let streams: Vec<Stream> = mine
            .iter()
            .map(|p| Stream::from_ndjson(&std::fs::read_to_string(p).unwrap()).unwrap())
            .collect();
        for kind in &kinds {
            for ridge in &ridges {
                for width in &widths {
                    for e in &expl {
                        for half in &halves {
                            let config = LearnerConfig {
                                exploration: *e,
                                ridge: *ridge,
                                model: ModelShape::Auto,
                                half_life_plays: (*half > 0.0).then_some(*half),
                                apprentice_plays: 0,
                                width: (*kind == "lints").then_some(*width),
                                sharpness: (*kind == "squarecb").then_some(*width),
                            };
                            let config = match *kind {
                                "lints" => PolicyConfig::Lints(config),
                                "squarecb" => PolicyConfig::Squarecb(config),
                                "epsilon" => PolicyConfig::Epsilon(config),
                                _ => PolicyConfig::Bootstrapped(config),
                            };
                            let t = std::time::Instant::now();
                            let c: Vec<Contest> = streams
                                .iter()
                                .enumerate()
                                .map(|(i, s)| s.play(config, i as u64).unwrap())
                                .collect();
                            let us = t.elapsed().as_secs_f64() * 1e6
                                / c.iter().map(|c| c.rewards.len()).sum::<usize>() as f64;
                            let m = c.len() as f64;
                            println!(
                                "{name:14} {kind:12} ridge {ridge:5} width {width:5} e {e:5} half {half:6}: reward {:.4} regret {:.1}  ({us:.0} us)",
                                c.iter().map(Contest::mean_reward).sum::<f64>() / m,
                                c.iter().map(Contest::regret).sum::<f64>() / m
                            );
                        }
                    }
                }
            }
        }
    }
}
