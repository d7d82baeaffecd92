//! The laws of a gallery: what `regard_identity::Gallery` promises, on random histories, against plain lists.

use std::collections::{BTreeMap, BTreeSet};

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;
use regard_commitments::{Grant, Recognition};
use regard_domain::{PersonId, PictureId, TemplateId};
use regard_identity::{
    Embedding, Enrolment, Gallery, GalleryError, GalleryTransform, Hit, Merge, ModelTag,
    SearchAnswer, Template,
};

/// Numbers of the embeddings the suite makes up.
pub const DIMENSION: usize = 128;

/// The model they claim to be of.
pub const MODEL: ModelTag = ModelTag::from_bits(0x0123_4567_89ab_cdef);

/// How far a similarity may be from that counted in 64 bits.
const TOLERANCE: f64 = 1e-6;

/// Persons that a history is about: few, so that they meet again and again.
const N_PERSONS: u128 = 12;

/// Pictures that several faces may come from.
const N_PICTURES: u128 = 6;

/// The transform under which galleries of the suite begin.
pub fn first_transform() -> GalleryTransform {
    GalleryTransform::from_key(&[1; 32], DIMENSION).expect("a dimension in range")
}

/// A random face.
pub fn random_embedding(rng: &mut impl Rng) -> Embedding {
    let values = (0..DIMENSION).map(|_| normal(rng)).collect();
    Embedding::new(values, MODEL).expect("not null")
}

/// Another picture of the same face: at a cosine of about `1 / sqrt(1 + spread²)`.
pub fn another_of(face: &Embedding, spread: f32, rng: &mut impl Rng) -> Embedding {
    let scale = spread / (DIMENSION as f32).sqrt();
    let values = face
        .values()
        .iter()
        .map(|v| v + scale * normal(rng))
        .collect();
    Embedding::new(values, MODEL).expect("not null")
}

/// Nearly normal: the sum of twelve uniform numbers, about its mean.
fn normal(rng: &mut impl Rng) -> f32 {
    (0..12).map(|_| rng.random::<f32>()).sum::<f32>() - 6.0
}

/// One template as the lists know it.
struct Listed {
    template: TemplateId,
    person: PersonId,
    picture: Option<PictureId>,
    values: Vec<i8>,
}

/// What a gallery has to be like: plain lists, searched from end to end.
#[derive(Default)]
struct Lists {
    rows: Vec<Listed>,
    /// In the order in which they were made.
    merges: Vec<Merge>,
    strangers: BTreeSet<(PersonId, PersonId)>,
    frozen: BTreeSet<PersonId>,
}

impl Lists {
    fn root(&self, mut person: PersonId) -> PersonId {
        while let Some(merge) = self.merges.iter().find(|m| m.from == person) {
            person = merge.into;
        }
        person
    }

    /// Persons who are known: with a template, or with a place in a merge.
    fn known(&self) -> BTreeSet<PersonId> {
        let merged = self.merges.iter().flat_map(|m| [m.from, m.into]);
        self.rows.iter().map(|r| r.person).chain(merged).collect()
    }

    fn group(&self, person: PersonId) -> BTreeSet<PersonId> {
        let root = self.root(person);
        let known = self.known().into_iter();
        known.filter(|p| self.root(*p) == root).collect()
    }

    fn rows_of(&self, person: PersonId) -> impl Iterator<Item = &Listed> {
        let group = self.group(person);
        self.rows.iter().filter(move |r| group.contains(&r.person))
    }

    fn is_frozen(&self, person: PersonId) -> bool {
        !self.group(person).is_disjoint(&self.frozen)
    }

    /// Forgets whoever has no template in their group, and what is known of them.
    fn forget_empty(&mut self) {
        let gone: Vec<PersonId> = self
            .known()
            .into_iter()
            .filter(|p| self.rows_of(*p).next().is_none())
            .collect();
        self.merges
            .retain(|m| !gone.contains(&m.from) && !gone.contains(&m.into));
        let known = self.known();
        self.strangers
            .retain(|(a, b)| known.contains(a) && known.contains(b));
        self.frozen.retain(|p| known.contains(p));
    }

    fn are_strangers(&self, a: PersonId, b: PersonId) -> bool {
        let (a_group, b_group) = (self.group(a), self.group(b));
        let told = self.strangers.iter().any(|(x, y)| {
            (a_group.contains(x) && b_group.contains(y))
                || (a_group.contains(y) && b_group.contains(x))
        });
        let pictures = |person| -> BTreeSet<PictureId> {
            self.rows_of(person).filter_map(|r| r.picture).collect()
        };
        told || !pictures(a).is_disjoint(&pictures(b))
    }

    /// Everybody who may be found, by the nearest template, nearest first.
    fn search(&self, probe: &Template) -> Vec<(PersonId, f64)> {
        let mut nearest: BTreeMap<PersonId, f64> = BTreeMap::new();
        for row in self.rows.iter().filter(|r| !self.is_frozen(r.person)) {
            let cosine = cosine(&row.values, probe.values());
            let best = nearest.entry(self.root(row.person)).or_insert(cosine);
            *best = best.max(cosine);
        }
        let mut found: Vec<(PersonId, f64)> = nearest.into_iter().collect();
        found.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        found
    }
}

fn cosine(a: &[i8], b: &[i8]) -> f64 {
    let product = |x: &[i8], y: &[i8]| -> f64 {
        x.iter()
            .zip(y)
            .map(|(p, q)| f64::from(*p) * f64::from(*q))
            .sum()
    };
    product(a, b) / (product(a, a) * product(b, b)).sqrt()
}

/// How strictly to judge.
#[derive(Clone, Copy, Debug)]
pub struct Strictness {
    /// Whether everybody near has to be found; an index of neighbours may miss somebody.
    pub is_exact: bool,
}

/// A history of so many random acts, checked against plain lists after each.
///
/// # Panics
/// When a law is broken; the message names law, seed and act.
pub fn random_history(mut gallery: Box<dyn Gallery>, seed: u64, n_acts: usize, how: Strictness) {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let mut history = History {
        faces: (0..N_PERSONS).map(|_| random_embedding(&mut rng)).collect(),
        lists: Lists::default(),
        undone: Vec::new(),
        how,
    };
    for at in 0..n_acts {
        let act = history.act(gallery.as_mut(), &mut rng);
        let context = format!("seed {seed}, act {at}: {act}");
        history.check(gallery.as_ref(), &mut rng, &context);
    }
}

struct History {
    faces: Vec<Embedding>,
    lists: Lists,
    undone: Vec<Merge>,
    how: Strictness,
}

impl History {
    /// Does one random act on gallery and lists, and demands the same answer of both.
    fn act(&mut self, gallery: &mut dyn Gallery, rng: &mut ChaCha20Rng) -> &'static str {
        let person = PersonId::from_bits(rng.random_range(0..N_PERSONS));
        let other = PersonId::from_bits(rng.random_range(0..N_PERSONS));
        match rng.random_range(0..100) {
            0..55 => self.enroll(gallery, person, rng),
            55..63 => self.remove_template(gallery, rng),
            63..70 => {
                let expected = self.lists.rows_of(person).count();
                assert_eq!(gallery.remove_person(person).ok(), Some(expected));
                let group = self.lists.group(person);
                self.lists.rows.retain(|r| !group.contains(&r.person));
                self.lists.forget_empty();
                "remove a person"
            }
            70..80 => self.merge(gallery, person, other),
            80..87 => self.undo_merge(gallery, rng),
            87..91 => {
                let known = self.lists.known();
                let may = known.contains(&person)
                    && known.contains(&other)
                    && self.lists.root(person) != self.lists.root(other);
                assert_eq!(gallery.forbid_link(person, other).is_ok(), may);
                if may {
                    self.lists.strangers.insert((person, other));
                }
                "forbid a link"
            }
            91..97 => {
                let is_frozen = rng.random();
                let is_known = self.lists.known().contains(&person);
                assert_eq!(gallery.set_frozen(person, is_frozen).is_ok(), is_known);
                for member in self.lists.group(person) {
                    if is_frozen {
                        self.lists.frozen.insert(member);
                    } else {
                        self.lists.frozen.remove(&member);
                    }
                }
                "freeze or thaw"
            }
            _ => {
                let mut key = [0; 32];
                rng.fill_bytes(&mut key);
                let to = GalleryTransform::from_key(&key, DIMENSION).expect("in range");
                let way = gallery.transform().way_to(&to).expect("one dimension");
                for row in &mut self.lists.rows {
                    let old = with_values(gallery.transform(), &row.values);
                    let new = way.template(&old).expect("of this transform");
                    row.values = new.values().to_vec();
                }
                assert!(gallery.rekey(to).is_ok());
                "rekey"
            }
        }
    }

    fn enroll(
        &mut self,
        gallery: &mut dyn Gallery,
        person: PersonId,
        rng: &mut ChaCha20Rng,
    ) -> &'static str {
        let index = usize::try_from(person.as_bits()).expect("few persons");
        let face = another_of(&self.faces[index], 0.5, rng);
        let values = gallery.transform().template(&face).expect("one dimension");
        let picture = rng
            .random_bool(0.3)
            .then(|| PictureId::from_bits(rng.random_range(0..N_PICTURES)));
        let listed = Listed {
            template: TemplateId::random(rng),
            person,
            picture,
            values: values.values().to_vec(),
        };
        let is_in_picture = picture.is_some_and(|p| {
            let mut own = self.lists.rows_of(person);
            own.any(|r| r.picture == Some(p))
        });
        let answer = gallery.insert(Enrolment {
            template: listed.template,
            person,
            picture,
            values,
        });
        if is_in_picture {
            assert!(
                matches!(answer, Err(GalleryError::CannotLink)),
                "two faces of one picture became one person"
            );
        } else {
            assert!(answer.is_ok(), "{answer:?}");
            self.lists.rows.push(listed);
        }
        "enrol"
    }

    fn remove_template(
        &mut self,
        gallery: &mut dyn Gallery,
        rng: &mut ChaCha20Rng,
    ) -> &'static str {
        if self.lists.rows.is_empty() {
            let nobody = TemplateId::random(rng);
            assert_eq!(gallery.remove_template(nobody).ok(), Some(false));
            return "remove a template that is not there";
        }
        let at = rng.random_range(0..self.lists.rows.len());
        let row = self.lists.rows.swap_remove(at);
        assert_eq!(gallery.remove_template(row.template).ok(), Some(true));
        assert_eq!(gallery.remove_template(row.template).ok(), Some(false));
        self.lists.forget_empty();
        "remove a template"
    }

    fn merge(&mut self, gallery: &mut dyn Gallery, from: PersonId, into: PersonId) -> &'static str {
        let known = self.lists.known();
        let are_known = known.contains(&from) && known.contains(&into);
        let (from_root, into_root) = (self.lists.root(from), self.lists.root(into));
        let answer = gallery.merge(from, into);
        if !are_known {
            assert!(matches!(answer, Err(GalleryError::UnknownPerson)));
        } else if from_root == into_root {
            assert!(matches!(answer, Err(GalleryError::NoSuchMerge)));
        } else if self.lists.are_strangers(from, into) {
            assert!(matches!(answer, Err(GalleryError::CannotLink)));
        } else {
            let merge = answer.expect("two persons that may be one");
            assert_eq!((merge.from, merge.into), (from_root, into_root));
            self.lists.merges.push(merge);
        }
        "merge"
    }

    fn undo_merge(&mut self, gallery: &mut dyn Gallery, rng: &mut ChaCha20Rng) -> &'static str {
        if let Some(merge) = self.undone.pop()
            && !self.lists.merges.contains(&merge)
        {
            let answer = gallery.undo_merge(merge);
            assert!(matches!(answer, Err(GalleryError::NoSuchMerge)));
        }
        if self.lists.merges.is_empty() {
            return "no merge to undo";
        }
        let at = rng.random_range(0..self.lists.merges.len());
        let merge = self.lists.merges.remove(at);
        assert!(gallery.undo_merge(merge).is_ok());
        self.undone.push(merge);
        self.lists.forget_empty();
        "undo a merge"
    }

    /// Everything the gallery says, against the lists.
    fn check(&self, gallery: &dyn Gallery, rng: &mut ChaCha20Rng, context: &str) {
        let key = Grant::<Recognition>::for_evaluation();
        let roots: BTreeSet<PersonId> = self
            .lists
            .rows
            .iter()
            .map(|r| self.lists.root(r.person))
            .collect();
        let n_templates = self.lists.rows.len() as u64;
        assert_eq!(gallery.n_templates().ok(), Some(n_templates), "{context}");
        let n_persons = roots.len() as u64;
        assert_eq!(gallery.n_persons().ok(), Some(n_persons), "{context}");
        let n_seen = roots.iter().filter(|p| !self.lists.is_frozen(**p)).count();
        let probes: Vec<Embedding> = (0..3)
            .map(|at| match at {
                0 => random_embedding(rng),
                _ => {
                    let face = rng.random_range(0..self.faces.len());
                    another_of(&self.faces[face], 0.5, rng)
                }
            })
            .collect();
        let k = rng.random_range(0..=roots.len() + 1);
        let borrowed: Vec<&Embedding> = probes.iter().collect();
        let answers = gallery
            .search_batch(&borrowed, k, &key)
            .expect("a live grant");
        assert_eq!(answers.len(), probes.len(), "{context}");
        for (probe, answer) in probes.iter().zip(&answers) {
            assert_eq!(answer.n_persons, n_seen as u64, "{context}: compared with");
            let template = gallery.transform().template(probe).expect("one dimension");
            let expected = self.lists.search(&template);
            same_hits(answer, &expected, k, self.how, context);
            let alone = gallery.search(probe, k, &key).expect("a live grant");
            if self.how.is_exact {
                assert_eq!(&alone, answer, "{context}: alone and together");
            }
        }
        for bits in 0..N_PERSONS {
            self.check_person(gallery, PersonId::from_bits(bits), &probes[1], context);
        }
    }

    fn check_person(
        &self,
        gallery: &dyn Gallery,
        person: PersonId,
        probe: &Embedding,
        context: &str,
    ) {
        let key = Grant::<Recognition>::for_evaluation();
        let mut expected: Vec<TemplateId> =
            self.lists.rows_of(person).map(|r| r.template).collect();
        expected.sort_unstable();
        assert_eq!(
            gallery.templates_of(person).ok(),
            Some(expected),
            "{context}: templates"
        );
        let template = gallery.transform().template(probe).expect("one dimension");
        let nearest = self
            .lists
            .rows_of(person)
            .filter(|_| !self.lists.is_frozen(person))
            .map(|row| cosine(&row.values, template.values()))
            .max_by(f64::total_cmp);
        let hit: Option<Hit> = gallery
            .verify_person(probe, person, &key)
            .expect("a live grant");
        match (hit, nearest) {
            (None, None) => {}
            (Some(hit), Some(nearest)) => {
                assert_eq!(hit.person, self.lists.root(person), "{context}");
                let found = f64::from(hit.similarity.get());
                assert!((found - nearest).abs() < TOLERANCE, "{context}: 1:1");
            }
            (Some(_), None) => panic!("{context}: somebody who must not be found was found"),
            (None, Some(_)) => panic!("{context}: somebody who is there was not found"),
        }
    }
}

/// A template of given numbers under a transform.
fn with_values(transform: &GalleryTransform, values: &[i8]) -> Template {
    let zero = Embedding::new(vec![1.0; DIMENSION], MODEL).expect("not null");
    let mut bytes = transform.template(&zero).expect("one dimension").to_bytes();
    let head = bytes.len() - values.len();
    for (byte, value) in bytes[head..].iter_mut().zip(values) {
        *byte = value.cast_unsigned();
    }
    Template::from_bytes(&bytes).expect("a template with other numbers")
}

fn same_hits(
    answer: &SearchAnswer,
    expected: &[(PersonId, f64)],
    k: usize,
    how: Strictness,
    context: &str,
) {
    let hits = &answer.hits;
    assert!(hits.len() <= k, "{context}: more hits than asked for");
    let known: BTreeMap<PersonId, f64> = expected.iter().copied().collect();
    let mut seen = BTreeSet::new();
    for hit in hits {
        assert!(seen.insert(hit.person), "{context}: one person twice");
        let Some(cosine) = known.get(&hit.person) else {
            panic!("{context}: somebody who must not be found was found");
        };
        let found = f64::from(hit.similarity.get());
        assert!((found - cosine).abs() < TOLERANCE, "{context}: similarity");
    }
    let in_order = hits.windows(2).all(|w| w[0].similarity >= w[1].similarity);
    assert!(in_order, "{context}: order");
    if !how.is_exact {
        return;
    }
    assert_eq!(hits.len(), expected.len().min(k), "{context}: hits");
    let floor = hits.last().map_or(2.0, |h| f64::from(h.similarity.get()));
    let left_out = expected.iter().filter(|(p, _)| !seen.contains(p));
    for (_, cosine) in left_out {
        assert!(
            k == 0 || *cosine <= floor + TOLERANCE,
            "{context}: somebody nearer was left out"
        );
    }
}

/// Enrols in two orders and demands the same answers.
///
/// # Panics
/// When the order shows.
pub fn order_does_not_matter(mut make: impl FnMut() -> Box<dyn Gallery>, seed: u64) {
    let key = Grant::<Recognition>::for_evaluation();
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let mut enrolments: Vec<(TemplateId, PersonId, Embedding)> = (0..200)
        .map(|_| {
            let person = PersonId::from_bits(rng.random_range(0..80));
            (
                TemplateId::random(&mut rng),
                person,
                random_embedding(&mut rng),
            )
        })
        .collect();
    let fill = |gallery: &mut dyn Gallery, enrolments: &[(TemplateId, PersonId, Embedding)]| {
        for (template, person, face) in enrolments {
            let values = gallery.transform().template(face).expect("one dimension");
            let answer = gallery.insert(Enrolment {
                template: *template,
                person: *person,
                picture: None,
                values,
            });
            assert!(answer.is_ok());
        }
    };
    let (mut one, mut other) = (make(), make());
    fill(one.as_mut(), &enrolments);
    enrolments.reverse();
    fill(other.as_mut(), &enrolments);
    for _ in 0..20 {
        let probe = random_embedding(&mut rng);
        let a = one.search(&probe, 10, &key).expect("a live grant");
        let b = other.search(&probe, 10, &key).expect("a live grant");
        assert_eq!(a, b, "seed {seed}");
    }
}

/// What a gallery has to refuse, whatever it is made of.
///
/// # Panics
/// When it takes it.
pub fn foreign_templates_are_refused(mut gallery: Box<dyn Gallery>) {
    let mut rng = ChaCha20Rng::seed_from_u64(5);
    let face = random_embedding(&mut rng);
    let own = |template, values| Enrolment {
        template: TemplateId::from_bits(template),
        person: PersonId::from_bits(1),
        picture: None,
        values,
    };
    let there = GalleryTransform::from_key(&[99; 32], DIMENSION).expect("in range");
    let elsewhere = there.template(&face).expect("one dimension");
    assert!(matches!(
        gallery.insert(own(1, elsewhere)),
        Err(GalleryError::OtherTransform)
    ));
    let foreign = Embedding::new(face.values().to_vec(), ModelTag::from_bits(9)).expect("unit");
    let values = gallery
        .transform()
        .template(&foreign)
        .expect("one dimension");
    assert!(matches!(
        gallery.insert(own(2, values)),
        Err(GalleryError::OtherModel)
    ));
    let key = Grant::<Recognition>::for_evaluation();
    assert!(matches!(
        gallery.search(&foreign, 1, &key),
        Err(GalleryError::OtherModel)
    ));
    let values = || gallery.transform().template(&face).expect("one dimension");
    let (first, again) = (values(), values());
    assert!(gallery.insert(own(3, first)).is_ok());
    assert!(matches!(
        gallery.insert(own(3, again)),
        Err(GalleryError::TemplateExists)
    ));
    let text = format!("{gallery:?}");
    assert!(text.contains("withheld"), "{text}");
    assert!(!text.contains(&format!("{:x}", 3)), "{text}");
}
