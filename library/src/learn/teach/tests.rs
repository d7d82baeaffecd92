use std::fs;
use std::path::Path;

use regard_inference::{LibrarySearch, RuntimeChoice, select};
use regard_testkit::products::{Light, Product, photograph};
use regard_vision::Photo;

use super::*;
use crate::learn::{
    Abstention, CollectedExamples, Example, ExampleContent, Examples, Needed, NetworkChoice,
    Unread, in_drawn_order, report_page,
};
use crate::{Input, SourceOptions};

/// Photographs that are drawn when they are asked for: any number of them, none on disk.
struct Drawn {
    classes: Vec<String>,
    n_each: u64,
}

impl Drawn {
    fn new(n_each: u64) -> Self {
        Self {
            classes: Product::SOLD.map(|p| p.name().to_owned()).to_vec(),
            n_each,
        }
    }
}

impl Examples for Drawn {
    fn classes(&self) -> &[String] {
        &self.classes
    }

    fn each(
        &mut self,
        take: &mut dyn FnMut(Result<Example, Unread>) -> bool,
    ) -> Result<(), SourceError> {
        for (class, product) in (0..).zip(Product::SOLD) {
            for seed in 0..self.n_each {
                let example = Example {
                    class,
                    name: format!("{}/{seed}", product.name()),
                    content: ExampleContent::Bytes(photograph(product, Light::PLAIN, seed)),
                };
                if !take(Ok(example)) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

/// The examples in a folder.
fn in_folder(folder: &Path) -> CollectedExamples {
    let inputs = vec![Input::Path(folder.to_owned())];
    CollectedExamples::open(inputs, SourceOptions::default()).unwrap()
}

struct Rig {
    runtime: Arc<dyn Runtime>,
    catalog: Catalog,
    network: NetworkFile,
}

impl Rig {
    fn new() -> Self {
        let catalog = Catalog::open(None).unwrap();
        let search = LibrarySearch::system();
        Self {
            runtime: select(RuntimeChoice::Native, &search).unwrap().runtime,
            network: NetworkFile::open(&NetworkChoice::Descriptor, &catalog).unwrap(),
            catalog,
        }
    }

    fn learn(
        &self,
        examples: &mut dyn Examples,
        change: impl FnOnce(&mut LearnSettings),
    ) -> Result<(LearnedModel, Findings), LearnError> {
        let machinery = Machinery {
            runtime: &self.runtime,
            catalog: &self.catalog,
            network: &self.network,
        };
        let mut settings = LearnSettings {
            error: 0.05,
            promise: Promise::Overall,
            target: 0.999,
            seed: 1,
            n_workers: 2,
            spool: std::env::temp_dir(),
        };
        change(&mut settings);
        learn(examples, &machinery, &settings, &mut |_| ())
    }

    fn embed(&self, jpeg: &[u8]) -> Vec<f32> {
        let photo = Photo::from_bytes(jpeg).unwrap();
        let mut embedder = self.network.embedder(&self.runtime).unwrap();
        embedder.embed(photo.view()).unwrap()
    }
}

#[test]
fn products_are_learned_told_apart_and_strangers_abstained_on() {
    let rig = Rig::new();
    let (model, findings) = rig.learn(&mut Drawn::new(60), |_| ()).unwrap();
    assert_eq!(findings.n_of_class, [60; 4]);
    assert_eq!(
        findings.n_taught + findings.n_calibrating + findings.tested.n,
        240
    );
    let tested = &findings.tested;
    assert!(
        tested.n_wrong * 10 <= tested.n,
        "{} of {} wrong",
        tested.n_wrong,
        tested.n
    );
    assert!(
        tested.n_decided * 10 >= tested.n * 7,
        "{} of {} decided",
        tested.n_decided,
        tested.n
    );
    let (mut n_missed, mut n_decided) = (0, 0);
    for (index, product) in Product::SOLD.iter().enumerate() {
        for seed in 0..25 {
            let embedding = rig.embed(&photograph(*product, Light::PLAIN, 9_000 + seed));
            let (said, _) = model.classify(&embedding, None).unwrap();
            n_missed += usize::from(!said.set.contains(&findings.classes[index]));
            n_decided += usize::from(said.decision.is_some());
        }
    }
    // 5 of 100 are promised; 13 or more would come by chance in less than one of a thousand goes.
    assert!(n_missed <= 12, "{n_missed}");
    assert!(n_decided >= 70, "{n_decided}");
    let n_strange = (0..20)
        .filter(|seed| {
            let embedding = rig.embed(&photograph(Product::Stool, Light::PLAIN, *seed));
            let (said, _) = model.classify(&embedding, None).unwrap();
            said.abstained == Some(Abstention::LikeNone)
        })
        .count();
    assert!(n_strange >= 16, "{n_strange} of 20 are like none");
    let page = report_page(&findings, "Products", &mut |_| None);
    assert!(
        page.contains("240 photographs in 4 classes"),
        "{}",
        &page[..2_000]
    );
}

#[test]
fn the_same_photographs_and_seed_give_the_same_model_whatever_the_workers() {
    let rig = Rig::new();
    let bytes = |n_workers, seed| {
        let change = |s: &mut LearnSettings| (s.n_workers, s.seed) = (n_workers, seed);
        rig.learn(&mut Drawn::new(12), change).unwrap().0.to_bytes()
    };
    let first = bytes(1, 1);
    assert_eq!(first, bytes(3, 1));
    assert_ne!(first, bytes(1, 2));
    let read = LearnedModel::from_bytes(&first).unwrap();
    assert_eq!(read.to_bytes(), first);
}

#[test]
fn evening_light_is_noticed_as_drift_and_more_of_the_same_is_not() {
    let rig = Rig::new();
    let (model, _) = rig.learn(&mut Drawn::new(60), |_| ()).unwrap();
    let alarmed = |light: Light, n: u64| {
        let mut impressions: Vec<_> = (0..n)
            .map(|i| {
                let product = Product::SOLD[(i % 4) as usize];
                let embedding = rig.embed(&photograph(product, light, 5_000 + i));
                model.classify(&embedding, None).unwrap().1
            })
            .collect();
        in_drawn_order(&mut impressions, 3);
        let mut watch = model.drift_watch(0.01);
        impressions.iter().for_each(|impression| {
            watch.see(impression);
        });
        watch.verdict()
    };
    assert!(alarmed(Light::PLAIN, 100).first_alarm.is_none());
    let evening = alarmed(Light::EVENING, 100);
    assert!(evening.first_alarm.is_some(), "{evening:?}");
}

#[test]
fn few_photographs_say_how_many_a_promise_needs() {
    let rig = Rig::new();
    let (model, findings) = rig.learn(&mut Drawn::new(6), |s| s.error = 0.01).unwrap();
    assert_eq!(findings.n_needed, Some(396));
    assert!(findings.least_error > 0.01);
    assert_eq!(findings.tested.n_decided, 0);
    assert!(matches!(findings.curve.needed, Needed::CannotSay));
    let said = model.classify(
        &rig.embed(&photograph(Product::Can, Light::PLAIN, 77)),
        None,
    );
    assert_eq!(said.unwrap().0.abstained, Some(Abstention::TooFewExamples));
    let error = rig.learn(&mut Drawn::new(4), |_| ()).unwrap_err();
    assert!(
        error.to_string().contains("\"can\" has 4 photographs"),
        "{error}"
    );
    let error = rig
        .learn(&mut Drawn::new(6), |s| s.error = 0.9)
        .unwrap_err();
    assert!(matches!(error, LearnError::BadError { .. }));
}

fn write(folder: &Path, name: &str, bytes: &[u8]) {
    fs::create_dir_all(folder.join(name).parent().unwrap()).unwrap();
    fs::write(folder.join(name), bytes).unwrap();
}

#[test]
fn damaged_doubled_and_misplaced_photographs_are_told() {
    let rig = Rig::new();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for product in Product::SOLD {
        for seed in 0..14 {
            let name = format!("{}/{seed:02}.jpg", product.name());
            write(folder, &name, &photograph(product, Light::PLAIN, seed));
        }
    }
    // Two that lie in the wrong folder, one that is twice the same, one cut short, one that is no picture, one in two classes.
    write(
        folder,
        "bottle/zz-wrong.jpg",
        &photograph(Product::Tin, Light::PLAIN, 500),
    );
    write(
        folder,
        "bottle/again.jpg",
        &photograph(Product::Bottle, Light::PLAIN, 3),
    );
    let whole = photograph(Product::Can, Light::PLAIN, 600);
    write(folder, "can/cut.jpg", &whole[..whole.len() / 2]);
    write(folder, "can/notes.txt", b"the red ones");
    write(
        folder,
        "tin/two.jpg",
        &photograph(Product::Can, Light::PLAIN, 5),
    );
    write(
        folder,
        "tin/two-again.jpg",
        &photograph(Product::Can, Light::PLAIN, 5),
    );
    let mut examples = in_folder(folder);
    let (_, findings) = rig.learn(&mut examples, |_| ()).unwrap();
    assert_eq!(findings.n_unread, 1, "{:?}", findings.unread);
    assert!(findings.unread[0].0.ends_with("can/cut.jpg"));
    assert_eq!((findings.n_passed_over, findings.n_duplicates), (1, 1));
    // Whose picture it is stays what the first one said, however often it comes again.
    assert_eq!(findings.contradictions.len(), 2);
    assert!(findings.contradictions[0].0.ends_with("tin/two-again.jpg"));
    assert!(findings.contradictions[1].0.ends_with("tin/two.jpg"));
    assert!(
        findings
            .contradictions
            .iter()
            .all(|(_, first)| first == "can")
    );
    let doubted = findings
        .doubts
        .iter()
        .any(|d| d.name.ends_with("zz-wrong.jpg"));
    assert!(doubted, "{:?}", findings.doubts);
}

/// Faces of the committed clip, as a folder that somebody calls by a name.
#[test]
fn a_folder_of_faces_is_refused() {
    let rig = Rig::new();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let jpegs = regard_testkit::wall::clip_jpegs();
    for (number, jpeg) in jpegs.iter().step_by(23).take(12).enumerate() {
        write(folder, &format!("ann/{number}.jpg"), jpeg);
        write(
            folder,
            &format!("can/{number}.jpg"),
            &photograph(Product::Can, Light::PLAIN, number as u64),
        );
    }
    let mut examples = in_folder(folder);
    let error = rig.learn(&mut examples, |_| ()).unwrap_err();
    let LearnError::People(refusal) = &error else {
        panic!("{error}");
    };
    assert_eq!(refusal.code.as_str(), "untargeted_collection");
    assert!(error.to_string().contains("regard enroll"), "{error}");
}

#[test]
fn nothing_that_can_be_read_says_so() {
    let rig = Rig::new();
    let folder = tempfile::tempdir().unwrap();
    for name in ["a/x.jpg", "b/y.jpg"] {
        write(folder.path(), name, b"\xff\xd8\xff\xe0 cut");
    }
    let mut examples = in_folder(folder.path());
    let error = rig.learn(&mut examples, |_| ()).unwrap_err().to_string();
    assert!(error.contains("2 were damaged, the first: "), "{error}");
}
