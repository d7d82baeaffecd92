//! `regard statistics`.

use regard_backends::{SqliteOptions, SqliteStore, Store as _};
use regard_commitments::{
    Answer, Cell, Commitments, Detail, Epsilon, Noise, NoiseQuery, Profile, Release, RetentionGate,
    SiteKeys, Spending, VisitSums, Zeroizing,
};
use regard_domain::{CameraId, Timestamp};
use serde_json::{Value, json};

use crate::program::run;

/// No noise, so that the test knows the numbers.
struct Silence;

impl Noise for Silence {
    type Error = std::convert::Infallible;
    fn add(&self, queries: &[NoiseQuery], _: Epsilon) -> Result<Vec<Vec<i64>>, Self::Error> {
        Ok(queries.iter().map(|query| query.values.clone()).collect())
    }
}

/// A data folder in which two days were told.
fn told() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let store = SqliteStore::open(folder.path(), SqliteOptions::default())
            .await
            .unwrap();
        let key = SiteKeys::from_seed(Zeroizing::new([1; 32])).commitments_key();
        let promise = Commitments::demo()
            .sign(&key)
            .verify(&key.verifying_key())
            .unwrap();
        let gate = RetentionGate::new(&promise, &Profile::named("lab").unwrap()).unwrap();
        let at = Timestamp::from_millis(1_780_401_600_000);
        let sums = VisitSums {
            visits: 20,
            lookers: 15,
            looks: 18,
            attention_millis: 50_000,
            dwell_millis: 123_000,
            expressions: [5, 6, 0, 0, 0, 0, 0],
        };
        let cells = [("door", sums), ("hall", VisitSums::default())].map(|(camera, sums)| Cell {
            camera: CameraId::new(camera).unwrap(),
            hour: None,
            sums,
        });
        for day in ["2026-05-30", "2026-05-31"] {
            let release =
                Release::make((day.parse().unwrap(), Detail::Day), at, &cells, &Silence).unwrap();
            let Answer::Granted(kept) = gate.keep(release, at) else {
                panic!("releases are always kept");
            };
            let budget = "1".parse().unwrap();
            assert_eq!(
                store.put_release(&kept, budget).await.unwrap(),
                Spending::Paid
            );
        }
        store.close().await;
    });
    folder
}

#[test]
fn a_day_is_shown_and_exported() {
    let folder = told();
    let data = folder.path().to_str().unwrap();
    let ask = |arguments: &[&str]| {
        let said = run(&[&["statistics", "--data", data], arguments].concat());
        assert_eq!(said.code, 0, "{arguments:?}: {}", said.err);
        said.out
    };
    let text = ask(&[]);
    assert!(
        text.starts_with("2026-05-31, the whole day: epsilon 0.4, delta 0"),
        "{text}"
    );
    assert!(
        text.contains("door") && text.contains("too few to tell"),
        "{text}"
    );
    let body: Value = serde_json::from_str(&ask(&["2026-05-30", "--format", "json"])).unwrap();
    assert_eq!(
        (&body["day"], &body["epsilon"]),
        (&json!("2026-05-30"), &json!("0.4"))
    );
    assert_eq!(body["cells"][0]["sums"]["mean_attention_secs"], 2.5);
    assert_eq!(body["cells"][0]["sums"]["expressions"]["happy"], 6);
    assert_eq!(body["cells"][1]["sums"], Value::Null);
    let file = folder.path().join("day.csv");
    ask(&["--format", "csv", "-o", file.to_str().unwrap()]);
    let csv = std::fs::read_to_string(&file).unwrap();
    assert!(
        csv.contains("2026-05-31,day,door,,20,15,18,50.000,2.500,123.000,6.150,5,6,0"),
        "{csv}"
    );
    assert_eq!(
        ask(&["--list"]),
        "2026-05-30  day  0.4\n2026-05-31  day  0.4\n"
    );
    let list: Value = serde_json::from_str(&ask(&["--list", "--format", "json"])).unwrap();
    assert_eq!(list.as_array().unwrap().len(), 2);
}

#[test]
fn what_was_not_told_is_not_there() {
    let folder = told();
    let data = folder.path().to_str().unwrap();
    for arguments in [
        &["2026-05-29"][..],
        &["2026-05-31", "--detail", "hours"],
        &["--detail", "hours"],
    ] {
        let said = run(&[&["statistics", "--data", data], arguments].concat());
        assert_eq!(said.code, 1, "{arguments:?}");
        let errors = said.errors();
        assert!(
            errors.len() == 1 && errors[0].contains("was told"),
            "{errors:?}"
        );
    }
    for bad in [&["2026-5-1"][..], &["--detail", "minutes"]] {
        let said = run(&[&["statistics", "--data", data], bad].concat());
        assert_eq!(said.code, 64, "{bad:?}");
    }
    let nowhere = run(&[
        "statistics",
        "--data",
        folder.path().join("none").to_str().unwrap(),
    ]);
    assert_eq!(nowhere.code, 1);
    assert!(
        nowhere.err.contains("name the data folder"),
        "{}",
        nowhere.err
    );
}
