//! One search among a million, and many at once.

use anyhow::Result;
use regard_commitments::{Grant, Recognition};
use regard_identity::{Embedding, Gallery};
use regard_testkit::turns::{Contestant, by_turns};

use crate::bandwidth::Bandwidth;
use crate::made_up::{Faces, file_of, gallery_and_file};
use crate::{K, TIME_PER_CASE, most};

/// Templates searched, if no fewer are wanted.
const MILLION: usize = 1_000_000;

/// Bytes of each that a scan reads: its numbers, and one over its length.
pub(crate) const BYTES_PER_TEMPLATE: usize = 128 + 4;

/// Probes searched for together.
const BATCHES: [usize; 5] = [1, 4, 16, 64, 256];

/// Kinds of `gallery_turns.py`, with the modules they need.
const RIVALS: [(&str, &str); 5] = [
    ("faiss-int8", "faiss, numpy"),
    ("faiss-float", "faiss, numpy"),
    ("usearch-int8", "usearch, numpy"),
    ("usearch-float", "usearch, numpy"),
    ("opencv", "cv2, numpy"),
];

/// One probe against a million, on one thread and on two.
pub(crate) fn million(bandwidth: &[Bandwidth]) -> Result<()> {
    let key = Grant::<Recognition>::for_evaluation();
    let n_templates = MILLION.min(most());
    let (mut gallery, file) = gallery_and_file(n_templates)?;
    let probe = Faces::new(2).several(1)?;
    let probes = file_of(&probe)?;
    for Bandwidth {
        threads,
        bytes_per_sec,
    } in bandwidth
    {
        gallery.set_threads(*threads);
        let search = || {
            gallery.search(&probe[0], K, &key)?;
            Ok(())
        };
        let mut all = vec![Contestant::own("exact, int8", search)];
        let [file, probes] = [&file, &probes].map(|f| f.path().display().to_string());
        for (kind, modules) in RIVALS {
            let args = [
                kind.to_owned(),
                threads.to_string(),
                file.clone(),
                probes.clone(),
                K.to_string(),
            ];
            all.extend(Contestant::rival(kind, modules, "gallery_turns.py", &args));
        }
        let case = format!("one search among {n_templates} x 128, {threads} thread(s)");
        let measured = by_turns(&case, all, TIME_PER_CASE)?;
        let share = |millis: f64| {
            100.0 * (n_templates * BYTES_PER_TEMPLATE) as f64 / (millis / 1e3) / bytes_per_sec
        };
        let own = &measured[0];
        println!(
            "  our search reads at {:.0} % of the memory's bandwidth, {:.0} % by lower quartiles",
            share(own.millis),
            share(own.lower_quartile_millis)
        );
    }
    Ok(())
}

/// Several probes at once against a million, on one thread.
pub(crate) fn batches() -> Result<()> {
    let key = Grant::<Recognition>::for_evaluation();
    let n_templates = MILLION.min(most());
    let (gallery, file) = gallery_and_file(n_templates)?;
    let probes = Faces::new(2).several(BATCHES[BATCHES.len() - 1])?;
    let borrowed: Vec<&Embedding> = probes.iter().collect();
    for n in BATCHES {
        let search = || {
            gallery.search_batch(&borrowed[..n], K, &key)?;
            Ok(())
        };
        let mut all = vec![Contestant::own("exact, int8", search)];
        let own_probes = file_of(&probes[..n])?;
        let [file, own_probes] = [&file, &own_probes].map(|f| f.path().display().to_string());
        let args = ["faiss-float", "1", &file, &own_probes, &K.to_string()].map(ToOwned::to_owned);
        all.extend(Contestant::rival(
            "faiss-float",
            "faiss, numpy",
            "gallery_turns.py",
            &args,
        ));
        let case = format!("{n} searches at once among {n_templates} x 128, 1 thread");
        let measured = by_turns(&case, all, TIME_PER_CASE)?;
        println!(
            "  {:.0} searches a second",
            1e3 * n as f64 / measured[0].millis
        );
    }
    Ok(())
}
