//! What is asked and answered, as bytes: a letter for the kind, then fields of fixed length, all big-endian; templates in their
//! byte form with their length before them.

use regard_commitments::{Digest, Zeroizing};
use regard_domain::{PersonId, PictureId, TemplateId, Timestamp};
use regard_identity::{
    Enrolment, GalleryError, Hit, ModelTag, SearchAnswer, Similarity, Template, TemplateKind,
    TransformId,
};

/// Under which leave of the site's gate somebody is searched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Leave {
    pub(super) number: Digest,
    pub(super) until: Timestamp,
}

/// What is asked.
pub(super) enum Request<'a> {
    Search {
        probes: &'a [&'a Template],
        k: usize,
        leave: Leave,
    },
    Begin(TemplateKind),
    KeepOnly(TemplateKind),
    Insert(&'a Enrolment),
    RemovePerson(PersonId),
    RemoveTemplate(TemplateId),
    Count,
}

/// The same, read.
pub(super) enum Asked {
    Search {
        probes: Vec<Template>,
        k: usize,
        leave: Leave,
    },
    Begin(TemplateKind),
    KeepOnly(TemplateKind),
    Insert(Enrolment),
    RemovePerson(PersonId),
    RemoveTemplate(TemplateId),
    Count,
}

/// What is answered.
pub(super) enum Answer {
    Found(Vec<SearchAnswer>),
    Number(u64),
    Failed(GalleryError),
}

/// Bytes of one hit: two ids and a similarity.
const HIT_LEN: usize = 36;

impl Request<'_> {
    pub(super) fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::new());
        match self {
            Self::Search { probes, k, leave } => {
                bytes.push(b's');
                bytes.extend_from_slice(leave.number.as_bytes());
                bytes.extend_from_slice(&leave.until.as_micros().to_be_bytes());
                bytes.extend_from_slice(&(u32::try_from(*k).unwrap_or(u32::MAX)).to_be_bytes());
                for probe in *probes {
                    put_template(&mut bytes, probe);
                }
            }
            Self::Begin(kind) => put_kind(&mut bytes, b'b', kind),
            Self::KeepOnly(kind) => put_kind(&mut bytes, b'k', kind),
            Self::Insert(enrolment) => {
                bytes.push(b'i');
                bytes.extend_from_slice(&enrolment.template.as_bits().to_be_bytes());
                bytes.extend_from_slice(&enrolment.person.as_bits().to_be_bytes());
                bytes.push(enrolment.picture.is_some().into());
                let picture = enrolment.picture.map_or(0, PictureId::as_bits);
                bytes.extend_from_slice(&picture.to_be_bytes());
                put_template(&mut bytes, &enrolment.values);
            }
            Self::RemovePerson(person) => {
                bytes.push(b'p');
                bytes.extend_from_slice(&person.as_bits().to_be_bytes());
            }
            Self::RemoveTemplate(template) => {
                bytes.push(b't');
                bytes.extend_from_slice(&template.as_bits().to_be_bytes());
            }
            Self::Count => bytes.push(b'n'),
        }
        bytes
    }
}

fn put_template(bytes: &mut Vec<u8>, template: &Template) {
    let form = template.to_bytes();
    let length = u32::try_from(form.len()).expect("a few hundred bytes");
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(&form);
}

fn put_kind(bytes: &mut Vec<u8>, letter: u8, kind: &TemplateKind) {
    bytes.push(letter);
    bytes.extend_from_slice(&kind.model.as_bits().to_be_bytes());
    bytes.extend_from_slice(&kind.transform.as_bits().to_be_bytes());
    // No part has room for so many numbers.
    let dimension = u32::try_from(kind.dimension).unwrap_or(u32::MAX);
    bytes.extend_from_slice(&dimension.to_be_bytes());
}

/// What is left to read.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }

    fn number(&mut self) -> Option<usize> {
        usize::try_from(u32::from_be_bytes(self.take()?)).ok()
    }

    fn long(&mut self) -> Option<u64> {
        self.take().map(u64::from_be_bytes)
    }

    fn id(&mut self) -> Option<u128> {
        self.take().map(u128::from_be_bytes)
    }

    fn template(&mut self) -> Option<Template> {
        let length = self.number()?;
        let (form, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Template::from_bytes(form).ok()
    }

    fn kind(&mut self) -> Option<TemplateKind> {
        Some(TemplateKind {
            model: ModelTag::from_bits(self.long()?),
            transform: TransformId::from_bits(self.long()?),
            dimension: self.number()?,
        })
    }

    /// The value, where nothing is left.
    fn end<T>(&self, value: T) -> Option<T> {
        self.0.is_empty().then_some(value)
    }
}

/// What was asked; nothing where the bytes are no request.
pub(super) fn read(bytes: &[u8]) -> Option<Asked> {
    let mut rest = Reader(bytes);
    let asked = match rest.take::<1>()?[0] {
        b's' => {
            let leave = Leave {
                number: Digest::from_bytes(rest.take()?),
                until: Timestamp::from_micros(i64::from_be_bytes(rest.take()?)),
            };
            let k = rest.number()?;
            let mut probes = Vec::new();
            while !rest.0.is_empty() {
                probes.push(rest.template()?);
            }
            Asked::Search { probes, k, leave }
        }
        b'b' => Asked::Begin(rest.kind()?),
        b'k' => Asked::KeepOnly(rest.kind()?),
        b'i' => {
            let template = TemplateId::from_bits(rest.id()?);
            let person = PersonId::from_bits(rest.id()?);
            let has_picture = rest.take::<1>()?[0] == 1;
            let picture = PictureId::from_bits(rest.id()?);
            Asked::Insert(Enrolment {
                template,
                person,
                picture: has_picture.then_some(picture),
                values: rest.template()?,
            })
        }
        b'p' => Asked::RemovePerson(PersonId::from_bits(rest.id()?)),
        b't' => Asked::RemoveTemplate(TemplateId::from_bits(rest.id()?)),
        b'n' => Asked::Count,
        _ => return None,
    };
    rest.end(asked)
}

impl Answer {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Found(answers) => {
                let mut bytes = vec![b'f'];
                for answer in answers {
                    bytes.extend_from_slice(&answer.n_persons.to_be_bytes());
                    let n = u32::try_from(answer.hits.len()).expect("at most MAX_HITS");
                    bytes.extend_from_slice(&n.to_be_bytes());
                    for hit in &answer.hits {
                        bytes.extend_from_slice(&hit.person.as_bits().to_be_bytes());
                        bytes.extend_from_slice(&hit.template.as_bits().to_be_bytes());
                        bytes.extend_from_slice(&hit.similarity.get().to_be_bytes());
                    }
                }
                bytes
            }
            Self::Number(n) => [&[b'n'][..], &n.to_be_bytes()].concat(),
            Self::Failed(error) => {
                let (code, number) = code_of(error);
                [&[b'e', code][..], &number.to_be_bytes()].concat()
            }
        }
    }

    /// What was answered; nothing where the bytes are no answer.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let mut rest = Reader(bytes);
        match rest.take::<1>()?[0] {
            b'f' => {
                let mut answers = Vec::new();
                while !rest.0.is_empty() {
                    answers.push(found(&mut rest)?);
                }
                Some(Self::Found(answers))
            }
            b'n' => {
                let n = rest.long()?;
                rest.end(Self::Number(n))
            }
            b'e' => {
                let code = rest.take::<1>()?[0];
                let number = rest.long()?;
                rest.end(Self::Failed(error_of(code, number)))
            }
            _ => None,
        }
    }
}

fn found(rest: &mut Reader<'_>) -> Option<SearchAnswer> {
    let n_persons = rest.long()?;
    let n = rest.number()?;
    let mut hits = Vec::with_capacity(n.min(rest.0.len() / HIT_LEN));
    for _ in 0..n {
        hits.push(Hit {
            person: PersonId::from_bits(rest.id()?),
            template: TemplateId::from_bits(rest.id()?),
            similarity: Similarity::new(f32::from_be_bytes(rest.take()?))?,
        });
    }
    Some(SearchAnswer { hits, n_persons })
}

fn code_of(error: &GalleryError) -> (u8, u64) {
    match error {
        GalleryError::Index { .. } => (0, 0),
        GalleryError::GrantEnded => (1, 0),
        GalleryError::Full { max_templates } => (2, *max_templates as u64),
        GalleryError::TooManyTemplates => (3, 0),
        GalleryError::TemplateExists => (4, 0),
        GalleryError::OtherModel => (5, 0),
        GalleryError::OtherTransform => (6, 0),
        GalleryError::UnknownPerson => (7, 0),
        GalleryError::CannotLink => (8, 0),
        GalleryError::NoSuchMerge => (9, 0),
    }
}

fn error_of(code: u8, number: u64) -> GalleryError {
    match code {
        1 => GalleryError::GrantEnded,
        2 => GalleryError::Full {
            max_templates: usize::try_from(number).unwrap_or(usize::MAX),
        },
        3 => GalleryError::TooManyTemplates,
        4 => GalleryError::TemplateExists,
        5 => GalleryError::OtherModel,
        6 => GalleryError::OtherTransform,
        7 => GalleryError::UnknownPerson,
        8 => GalleryError::CannotLink,
        9 => GalleryError::NoSuchMerge,
        _ => GalleryError::Index {
            source: "the part failed".into(),
        },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LEAVE: Leave = Leave {
        number: Digest::from_bytes([7; 32]),
        until: Timestamp::from_micros(-3),
    };

    fn template() -> Template {
        let (model, transform) = (ModelTag::from_bits(1), TransformId::from_bits(2));
        Template::from_numbers(&[1, -2, 3], model, transform).unwrap()
    }

    #[test]
    fn what_is_said_is_understood() {
        let probe = template();
        let request = Request::Search {
            probes: &[&probe, &probe],
            k: 7,
            leave: LEAVE,
        };
        let Some(Asked::Search { probes, k, leave }) = read(&request.to_bytes()) else {
            panic!("no search");
        };
        assert_eq!((probes.len(), k, leave), (2, 7, LEAVE));
        let kind = TemplateKind {
            model: ModelTag::from_bits(1),
            transform: TransformId::from_bits(2),
            dimension: 128,
        };
        let begun = read(&Request::Begin(kind).to_bytes());
        assert!(matches!(begun, Some(Asked::Begin(read)) if read == kind));
        let kept = read(&Request::KeepOnly(kind).to_bytes());
        assert!(matches!(kept, Some(Asked::KeepOnly(read)) if read == kind));
        assert_eq!(probes[1].values(), probe.values());
        for picture in [None, Some(PictureId::from_bits(9))] {
            let enrolment = Enrolment {
                template: TemplateId::from_bits(3),
                person: PersonId::from_bits(4),
                picture,
                values: template(),
            };
            let Some(Asked::Insert(read)) = read(&Request::Insert(&enrolment).to_bytes()) else {
                panic!("no enrolment");
            };
            assert!(read.template == enrolment.template && read.person == enrolment.person);
            assert!(read.picture == picture);
        }
        let found = vec![SearchAnswer {
            hits: vec![Hit {
                person: PersonId::from_bits(5),
                template: TemplateId::from_bits(6),
                similarity: Similarity::clamped(0.25),
            }],
            n_persons: 8,
        }];
        let answer = Answer::read(&Answer::Found(found.clone()).to_bytes());
        assert!(matches!(answer, Some(Answer::Found(answers)) if answers == found));
        for code in 0..10 {
            let error = error_of(code, 77);
            assert_eq!(code_of(&error).0, code);
            let answer = Answer::read(&Answer::Failed(error).to_bytes());
            assert!(matches!(answer, Some(Answer::Failed(error)) if code_of(&error).0 == code));
        }
    }

    proptest! {
        /// Whatever comes is read or is not.
        #[test]
        fn damaged_words_are_read_or_are_not(
            mut bytes in prop::collection::vec(any::<u8>(), 0..300),
            kind in prop::sample::select(b"sbkiptnfe".to_vec()), cut in 0_usize..200,
        ) {
            if let Some(first) = bytes.first_mut() {
                *first = kind;
            }
            let _ = read(&bytes);
            let _ = Answer::read(&bytes);
            let probe = template();
            let whole = Request::Search { probes: &[&probe], k: 3, leave: LEAVE }.to_bytes();
            // Without any probe it is a search for nobody.
            if let Some(cut) = whole.get(..cut).filter(|cut| cut.len() != 45) {
                prop_assert!(read(cut).is_none() || cut.len() == whole.len());
            }
        }
    }
}
