use proptest::prelude::*;
use regard_domain::{BBox, Face, FaceReadings, Landmarks, Point, Score};

use super::*;
use crate::rows::{MediaKind, Place};
use crate::{Found, Visitor, Wish};

fn row(left: f32) -> FaceRow {
    let face = Face {
        bbox_in_frame: BBox::new(left, 1.0, 30.0, 40.0).unwrap(),
        score: Score::clamped(0.9),
        landmarks_in_frame: Landmarks([Point::new(1.0, 2.0); 5]),
        readings: FaceReadings::default(),
    };
    let place = Place {
        frame: 0,
        time_secs: None,
        track: None,
        taken_from_seen: (1.0, 1.0),
    };
    FaceRow::new(place, &face)
}

fn item(ordinal: u64, name: &str) -> Item {
    Item {
        ordinal,
        input: 0,
        path: name.into(),
        is_named: false,
        stamp: format!("stamp of {name}"),
    }
}

/// An item of a made-up job: how many faces, and what its bytes are.
#[derive(Clone, Debug)]
struct Made {
    n_faces: u64,
    bytes: Vec<u8>,
    look: u128,
}

/// Does the items from that one on, as a worker and a collector would.
fn work(job: &mut Job, made: &[Made], at_most: usize) {
    let from = usize::try_from(job.n_items()).unwrap();
    for (number, one) in made.iter().enumerate().skip(from).take(at_most) {
        // Every third thing that is found is neither picture nor video.
        let item = item(number as u64 * 3, &format!("{number}.jpg"));
        let content = ContentHash::of(&one.bytes);
        let finding = if job.claims().is_done_by_earlier(&content, item.ordinal) {
            Finding::Copy(content)
        } else {
            for i in 0..one.n_faces {
                job.face(&item, &row(i as f32)).unwrap();
            }
            Finding::New(Box::new(Facts {
                kind: Some(MediaKind::Photo),
                content: Some(content),
                n_faces: one.n_faces,
                look: Some(format!("{:032x}", one.look)),
                ..Facts::default()
            }))
        };
        job.item(&item, finding).unwrap();
    }
}

fn rows(job: &Job) -> Vec<String> {
    let mut lines = Vec::new();
    job.rows::<JobError>(|row| {
        lines.push(match row {
            Row::Face(item, source, face) => format!("{item} {}", face.to_json(source).unwrap()),
            Row::Item(item) => item.to_json(),
        });
        Ok(())
    })
    .unwrap();
    lines
}

fn settings() -> JobSettings {
    let mut settings = JobSettings::new();
    settings.set("every", "1.5");
    settings
}

fn open(path: &Path) -> Job {
    Job::open(path, &settings(), false, |_| {}).unwrap()
}

fn made() -> impl Strategy<Value = Vec<Made>> {
    let one = (0_u64..4, 0_u8..6, any::<bool>()).prop_map(|(n_faces, content, is_alike)| Made {
        // The same bytes have the same faces.
        n_faces: n_faces * u64::from(content > 3) + u64::from(content),
        bytes: vec![content; 3],
        look: u128::from(content) << 40 | u128::from(is_alike),
    });
    proptest::collection::vec(one, 1..12).prop_map(|mut made| {
        let first: std::collections::BTreeMap<u8, Made> =
            made.iter().rev().map(|m| (m.bytes[0], m.clone())).collect();
        made.iter_mut()
            .for_each(|m| *m = first[&m.bytes[0]].clone());
        made
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Cut anywhere, and cut again: what comes of it is what would have come of it.
    #[test]
    fn a_log_that_is_cut_anywhere_goes_on_to_the_same_rows(
        made in made(), cuts in proptest::collection::vec((0.0_f64..1.0, 1_usize..5), 0..5),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let (whole, cut) = (folder.path().join("whole"), folder.path().join("cut"));
        let mut undisturbed = open(&whole);
        work(&mut undisturbed, &made, usize::MAX);
        undisturbed.complete().unwrap();
        for (share, n_done) in cuts {
            let mut job = open(&cut);
            work(&mut job, &made, n_done);
            drop(job);
            let len = fs::metadata(&cut).unwrap().len();
            let file = File::options().write(true).open(&cut).unwrap();
            file.set_len((len as f64 * share) as u64).unwrap();
        }
        let mut job = open(&cut);
        work(&mut job, &made, usize::MAX);
        job.complete().unwrap();
        prop_assert_eq!(rows(&job), rows(&undisturbed));
        prop_assert_eq!(fs::read(&cut).unwrap(), fs::read(&whole).unwrap());
        drop(job);
        // One more time: nothing is left to do.
        let job = open(&cut);
        prop_assert!(job.is_complete() && job.n_items() == made.len() as u64);
    }

    /// A byte that a disk wrote wrongly is not taken for a row, and no item after it is.
    #[test]
    fn a_changed_byte_is_the_end(made in made(), at in 0.0_f64..1.0, change in 1_u8..) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut job = open(&path);
        work(&mut job, &made, usize::MAX);
        let before = rows(&job);
        drop(job);
        let mut bytes = fs::read(&path).unwrap();
        let head = bytes.iter().position(|b| *b == b'\n').unwrap() + 1;
        let at = head + ((bytes.len() - head) as f64 * at) as usize;
        bytes[at] ^= change;
        fs::write(&path, &bytes).unwrap();
        let after = rows(&open(&path));
        prop_assert!(before.starts_with(&after) && after.len() < before.len(), "{:?}", after);
    }
}

#[test]
fn copies_and_near_copies_name_what_came_first() {
    let folder = tempfile::tempdir().unwrap();
    let mut job = open(&folder.path().join("log"));
    let one = |n_faces, content: u8, look| Made {
        n_faces,
        bytes: vec![content],
        look,
    };
    let made = [
        one(2, 1, 0),
        one(1, 2, 0b111),
        one(2, 1, 0),
        one(0, 3, u128::MAX),
        // Bit by bit away from the first: 14 in all, more than a near copy may have, though near to the second.
        one(3, 4, 0x3FFF),
    ];
    work(&mut job, &made, usize::MAX);
    let mut found = Vec::new();
    let mut faces = vec![0; made.len()];
    job.rows::<JobError>(|row| {
        match row {
            Row::Face(item, _, _) => faces[usize::try_from(item).unwrap()] += 1,
            Row::Item(item) => found.push((item.duplicate_of, item.near_duplicate_of)),
        }
        Ok(())
    })
    .unwrap();
    assert_eq!(faces, [2, 1, 2, 0, 3]);
    assert_eq!(
        found,
        [
            (None, None),
            (None, Some(0)),
            (Some(0), None),
            (None, None),
            (None, None)
        ]
    );
}

#[test]
fn another_job_and_a_foreign_file_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let said = |settings: &JobSettings, is_anew| {
        Job::open(&path, settings, is_anew, |_| {})
            .err()
            .map(|error| error.to_string())
    };
    let job = open(&path);
    assert!(said(&settings(), false).unwrap().contains("another run"));
    drop(job);
    let mut other = settings();
    other.set("every", "2");
    let said_of_other = said(&other, false).unwrap();
    assert!(
        said_of_other.contains("every: 1.5, now 2") && said_of_other.contains("--restart"),
        "{said_of_other}"
    );
    other.set("every", "1.5");
    other.set("gps", "yes");
    assert!(
        said(&other, false)
            .unwrap()
            .contains("gps: nothing, now yes")
    );
    assert_eq!(said(&other, true), None);
    fs::write(&path, "somebody's notes\n").unwrap();
    for is_anew in [false, true] {
        assert!(
            said(&other, is_anew)
                .unwrap()
                .contains("not the log of a job")
        );
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), "somebody's notes\n");
    // Killed before the first line was whole.
    fs::write(&path, "H{\"regard_job\":1,\"sett").unwrap();
    assert_eq!(said(&other, false), None);
}

/// What is asked for and handed over by a walk through these names, of which every third is found.
fn walk(resuming: &mut Resuming, names: &[&str]) -> Vec<String> {
    struct Rest(Vec<String>);
    impl Visitor for Rest {
        fn wish(&mut self, item: &Item) -> Wish {
            self.0.push(item.source());
            Wish::Take
        }
        fn take(&mut self, _: Found) -> bool {
            true
        }
    }
    let mut rest = Rest(Vec::new());
    let mut visitor = resuming.over(&mut rest);
    for (number, name) in names.iter().enumerate() {
        for ordinal in [number * 3, number * 3 + 1, number * 3 + 2] {
            let name = if ordinal % 3 == 0 { name } else { "notes.txt" };
            if visitor.wish(&item(ordinal as u64, name)) == Wish::Stop {
                drop(visitor);
                return rest.0;
            }
        }
    }
    drop(visitor);
    rest.0.retain(|name| name != "notes.txt");
    rest.0
}

#[test]
fn what_is_done_is_passed_over_and_has_to_be_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let mut job = open(&folder.path().join("log"));
    let one = Made {
        n_faces: 1,
        bytes: vec![1],
        look: 0,
    };
    work(&mut job, &vec![one; 3], usize::MAX);
    let mut checked = |names: &[&str]| {
        let mut resuming = job.resuming().unwrap();
        let rest = walk(&mut resuming, names);
        resuming.check().map(|()| rest).map_err(|e| e.to_string())
    };
    let rest = checked(&["0.jpg", "1.jpg", "2.jpg", "3.jpg", "4.jpg"]);
    assert_eq!(rest, Ok(vec!["3.jpg".to_owned(), "4.jpg".to_owned()]));
    let error = checked(&["0.jpg", "2.jpg", "3.jpg"]).unwrap_err();
    assert!(
        error.contains("there is 2.jpg where there was 1.jpg"),
        "{error}"
    );
    let error = checked(&["0.jpg", "1.jpg"]).unwrap_err();
    assert!(error.contains("2.jpg is missing"), "{error}");
}

#[test]
fn what_another_job_found_out_gives_the_same_rows_and_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let facts = |bytes: &[u8]| {
        Box::new(Facts {
            kind: Some(MediaKind::Photo),
            content: Some(ContentHash::of(bytes)),
            n_faces: 1,
            ..Facts::default()
        })
    };
    let mut texts = Vec::new();
    // The worker that has the copy may come first at the bytes, and find them known too.
    for (is_known, is_copy_first) in [(false, false), (true, false), (true, true)] {
        let path = folder.path().join(format!("{is_known} {is_copy_first}"));
        let mut job = open(&path);
        for (number, bytes) in [b"a", b"b", b"a"].iter().enumerate() {
            let item = item(number as u64, &format!("{number}.jpg"));
            let finding = match (number, is_known) {
                (2, _) if !is_copy_first => Finding::Copy(ContentHash::of(*bytes)),
                (_, true) => Finding::Known(facts(*bytes)),
                (_, false) => Finding::New(facts(*bytes)),
            };
            if !matches!(finding, Finding::Copy(_)) {
                // The same bytes have the same faces.
                job.face(&item, &row((number % 2) as f32)).unwrap();
            }
            job.item(&item, finding).unwrap();
        }
        texts.push(rows(&job));
        let expected = if is_known { 2 } else { 0 };
        assert_eq!(job.n_known(), expected);
        drop(job);
        assert_eq!(open(&path).n_known(), expected);
    }
    assert_eq!(texts[0], texts[1]);
    assert_eq!(texts[0], texts[2]);
}
