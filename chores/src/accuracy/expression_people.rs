//! Error by groups of people, where a set of pictures tells what its people said of themselves.
//!
//! `people/labels.csv` under the evaluation data has the columns `path`, `person`, `expression`, and one for each way of
//! grouping, such as `sex`, `age` or `descent`: what the person said, and nothing where they said nothing. None of that is
//! ever read from a face. A group of few people gets no figure.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use regard_domain::wilson;
use regard_vision::{AnalyzerOptions, Keys, Photo};

use super::Report;
use super::expression::{label_of, share};
use super::looking::{analyzer, grant, read_csv};

/// Fewest people of a group that a figure is stated of: of thirty, the interval of a share is up to a third wide, and of
/// fewer it says nothing.
const MIN_PEOPLE: usize = 30;

/// Columns that group nobody.
const COLUMNS: [&str; 3] = ["path", "person", "expression"];

/// One picture: of whom, whether their face was found, and whether what it shows was told rightly.
#[derive(Clone, Debug)]
struct Case {
    person: String,
    groups: BTreeMap<String, String>,
    is_found: bool,
    is_right: bool,
}

/// Measures what is under `data`; nothing where no such set is there.
pub(super) fn run(data: &Path) -> Result<Option<Report>> {
    let folder = data.join("people");
    let table = folder.join("labels.csv");
    if !table.is_file() {
        return Ok(None);
    }
    let mut analyzer = analyzer(AnalyzerOptions::PHOTO)?;
    let grant = grant()?;
    let count = grant.count().context("counting is granted")?;
    let expression = grant.expression().context("expression is granted")?;
    let keys = Keys {
        count: &count,
        attention: None,
        expression: Some(&expression),
    };
    let mut cases = Vec::new();
    for row in read_csv(&table)? {
        let column = |name: &str| {
            let value = row.get(name);
            value.with_context(|| format!("{}: no column {name}", table.display()))
        };
        let label = column("expression")?;
        let label = label_of(label).with_context(|| format!("{label:?} is no expression"))?;
        let path = folder.join(column("path")?);
        let photo = Photo::open(&path).with_context(|| format!("{}", path.display()))?;
        let faces = analyzer.analyze(photo.view(), &keys)?;
        // The largest face is that of whom the picture is.
        let face = faces.iter().max_by(|a, b| {
            let (a, b) = (a.bbox_in_frame.area(), b.bbox_in_frame.area());
            a.total_cmp(&b)
        });
        let said = face.and_then(|face| face.readings.expression);
        let groups = row
            .iter()
            .filter(|(name, group)| !COLUMNS.contains(&name.as_str()) && !group.is_empty());
        cases.push(Case {
            person: column("person")?.clone(),
            groups: groups.map(|(n, g)| (n.clone(), g.clone())).collect(),
            is_found: face.is_some(),
            is_right: said.is_some_and(|said| said.likeliest().0 == label),
        });
    }
    report(&cases).map(Some)
}

/// What is stated of a group.
struct Figures {
    n_people: usize,
    /// Mean over the people of the share of their pictures that were told rightly: who has many pictures counts once.
    right: f64,
    /// Share of the pictures in which no face was found.
    not_found: f64,
}

impl Figures {
    /// Of these pictures; nothing where they show too few people.
    fn of(cases: &[&Case]) -> Option<Self> {
        let mut people: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        for case in cases {
            let (n_right, n) = people.entry(&case.person).or_default();
            *n_right += usize::from(case.is_right);
            *n += 1;
        }
        if people.len() < MIN_PEOPLE {
            return None;
        }
        let shares: f64 = people
            .values()
            .map(|(n_right, n)| share(*n_right, *n))
            .sum();
        let n_missed = cases.iter().filter(|case| !case.is_found).count();
        Some(Self {
            n_people: people.len(),
            right: shares / people.len() as f64,
            not_found: share(n_missed, cases.len()),
        })
    }

    /// With its interval, for which people count and not pictures: those of one person err together.
    fn metrics(&self) -> [(&'static str, f64); 5] {
        let n_right = (self.right * self.n_people as f64).round() as u64;
        let (from, to) = wilson(n_right, self.n_people as u64);
        [
            ("people", self.n_people as f64),
            ("right", self.right),
            ("right_from", from),
            ("right_to", to),
            ("not_found", self.not_found),
        ]
    }
}

/// A name as files of measurements have it.
fn key(name: &str) -> String {
    let letter = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            '_'
        }
    };
    name.chars().map(letter).collect()
}

fn report(cases: &[Case]) -> Result<Report> {
    let mut metrics = BTreeMap::new();
    let ways: BTreeSet<&String> = cases.iter().flat_map(|case| case.groups.keys()).collect();
    for way in ways {
        let mut groups: BTreeMap<&str, Vec<&Case>> = BTreeMap::new();
        for case in cases {
            if let Some(group) = case.groups.get(way) {
                groups.entry(group).or_default().push(case);
            }
        }
        let (mut rights, mut n_withheld) = (Vec::new(), 0_usize);
        for (group, cases) in groups {
            let Some(figures) = Figures::of(&cases) else {
                n_withheld += 1;
                continue;
            };
            rights.push(figures.right);
            for (metric, value) in figures.metrics() {
                let name = format!("{}_{}_{metric}", key(way), key(group));
                let before = metrics.insert(name.clone(), value);
                ensure!(before.is_none(), "{way}: two groups are called {name}");
            }
        }
        metrics.insert(format!("{}_withheld", key(way)), n_withheld as f64);
        let most = rights.iter().copied().fold(0.0, f64::max);
        let least = rights.iter().copied().fold(1.0, f64::min);
        if rights.len() > 1 {
            metrics.insert(format!("{}_gap", key(way)), most - least);
        }
    }
    Ok(Report {
        name: "expression-people".to_owned(),
        metrics,
        n: cases.len() as u64,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two pictures of each of so many people; how many of the two are right, by the number of the person.
    fn group(name: &str, n_people: usize, n_right: fn(usize) -> usize) -> Vec<Case> {
        let groups = BTreeMap::from([("Sex".to_owned(), name.to_owned())]);
        let case = |person: usize, picture: usize| Case {
            person: format!("{name} {person}"),
            groups: groups.clone(),
            is_found: n_right(person) > 0,
            is_right: picture < n_right(person),
        };
        (0..n_people)
            .flat_map(|person| (0..2).map(move |picture| (person, picture)))
            .map(|(person, picture)| case(person, picture))
            .collect()
    }

    #[test]
    fn figures_of_groups_by_hand() {
        // Twenty both times, five once, five never, whose faces are not found.
        let few = |person: usize| -> usize {
            match person {
                0..20 => 2,
                20..25 => 1,
                _ => 0,
            }
        };
        let mut cases = group("a b", 30, few);
        cases.extend(group("c", 30, |_| 2));
        let report = report(&cases).unwrap();
        let metric = |name: &str| report.metrics[name];
        assert_eq!((report.n, metric("sex_a_b_people")), (120, 30.0));
        assert_eq!(metric("sex_a_b_right"), 0.75);
        assert!((metric("sex_a_b_not_found") - 1.0 / 6.0).abs() < 1e-9);
        // People are counted, not pictures.
        assert_eq!(metric("sex_a_b_right_from"), wilson(23, 30).0);
        assert_eq!(
            (metric("sex_c_right"), metric("sex_c_right_to")),
            (1.0, 1.0)
        );
        assert_eq!((metric("sex_gap"), metric("sex_withheld")), (0.25, 0.0));
    }

    #[test]
    fn of_few_people_nothing_is_stated_and_of_whoever_said_nothing_nothing_is_known() {
        let mut cases = group("many", MIN_PEOPLE, |_| 2);
        cases.extend(group("few", MIN_PEOPLE - 1, |_| 0));
        let mut silent = group("silent", MIN_PEOPLE, |_| 0);
        for case in &mut silent {
            case.groups.clear();
        }
        cases.extend(silent);
        let report = report(&cases).unwrap();
        assert_eq!(report.metrics["sex_withheld"], 1.0);
        assert_eq!(report.metrics["sex_many_right"], 1.0);
        let said: Vec<&String> = report.metrics.keys().collect();
        assert!(
            !said
                .iter()
                .any(|name| name.contains("few") || name.contains("silent")),
            "{said:?}"
        );
        assert!(!report.metrics.contains_key("sex_gap"), "{said:?}");
        // A person with many pictures is one person.
        let mut one = group("one", 1, |_| 2);
        one.extend(std::iter::repeat_n(one[0].clone(), 100));
        assert!(Figures::of(&one.iter().collect::<Vec<_>>()).is_none());
    }

    #[test]
    fn groups_that_would_share_a_name_are_told() {
        let mut cases = group("a b", MIN_PEOPLE, |_| 2);
        cases.extend(group("a-b", MIN_PEOPLE, |_| 2));
        let fault = report(&cases).unwrap_err().to_string();
        assert!(fault.contains("sex_a_b"), "{fault}");
    }

    #[test]
    fn without_such_a_set_nothing_is_measured() {
        let folder = tempfile::tempdir().unwrap();
        assert!(run(folder.path()).unwrap().is_none());
    }
}
