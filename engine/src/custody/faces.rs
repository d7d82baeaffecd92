//! Templates of faces, each where its person chose to have it: in their own token, under their secret, or with the site.

use std::collections::{BTreeMap, BTreeSet};

use regard_backends::{KeyChange, SealedRow};
use regard_commitments::{
    Answer, ConsentPurpose, Custody, DataKey, Digest, Enrollment, EntryBody, FaceToken,
    FaceTokenFault, FaceTokenKey, KeySlot, LiveConsent, RecognitionKey, Refusal, RefusalCode,
    SealedAs, Zeroizing, subject,
};
use regard_domain::{PersonId, TemplateId, Timestamp};
use serde::de::DeserializeOwned;

use super::face_quality::{FaceQualityNote, QUALITY_KIND};
use super::{Authenticated, Custodian, CustodyError, Opened};
use crate::galleries::NewFace;

/// Kind of templates among what is sealed under the key of a purpose.
pub(super) const TEMPLATE_KIND: &str = "template";

/// Kind of the keys of face tokens among what is sealed under the key of a purpose.
pub(super) const TOKEN_KIND: &str = "face_token";

/// Templates, or tokens, of one person that serve at once. Origin: with glasses and without, in summer and winter, over the
/// years; each further one is a further way for a stranger to be taken for them.
pub const MAX_FACES: usize = 10;

/// Persons looked at in one go.
pub(super) const CHUNK: u32 = 256;

/// What a template for 1:1 is diversified by, of the key of its purpose.
const DIVERSIFIER: &str = "face template";

/// The purposes that a face serves.
pub(super) const FACE_PURPOSES: [ConsentPurpose; 3] = [
    ConsentPurpose::Verify,
    ConsentPurpose::Identify,
    ConsentPurpose::AnalyzeLibrary,
];

/// Makes a template of the face that is being enrolled, diversified by a secret; nothing when that cannot be.
pub type MakeTemplate<'a> = &'a (dyn Fn(&[u8; 32]) -> Option<Zeroizing<Vec<u8>>> + Send + Sync);

/// A face that was enrolled.
#[derive(Debug)]
pub struct KeptFace {
    /// Random id of the template.
    pub template: TemplateId,
    /// Where it is.
    pub custody: Custody,
    /// What it serves.
    pub purposes: Vec<ConsentPurpose>,
    /// The instant from which it serves nothing any more.
    pub until: Timestamp,
    /// The token that the person takes away, under custody `in_persons_hands`: shown this once, kept nowhere.
    pub token: Option<FaceToken>,
}

/// What is known of a template besides its numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaceNote {
    /// Random id.
    pub template: TemplateId,
    /// Whether the person holds it, in a token.
    pub in_token: bool,
    /// What it serves.
    pub purposes: Vec<ConsentPurpose>,
    /// When it was made.
    pub made_at: Timestamp,
}

/// A template, opened to be compared with one face.
///
/// # Privacy
/// A template of a face; does not print.
pub struct OpenedFace {
    /// In the byte form of the room that made it.
    pub template: Zeroizing<Vec<u8>>,
    /// What it is diversified by.
    pub diversifier: Zeroizing<[u8; 32]>,
}

impl std::fmt::Debug for OpenedFace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OpenedFace(withheld)")
    }
}

/// The templates of somebody, and the consent under which they may be compared with.
#[derive(Debug)]
pub struct ClaimedFace {
    /// The consent.
    pub consent: LiveConsent,
    /// The templates, at least one.
    pub faces: Vec<OpenedFace>,
}

/// The name of a template in the ledger.
pub(crate) fn template_subject(template: TemplateId) -> Digest {
    Digest::of(&[b"regard template v1\0", &template.as_bits().to_be_bytes()])
}

/// The name of what is sealed: one template has a copy for each purpose.
pub(super) fn row_name(template: TemplateId, purpose: ConsentPurpose) -> String {
    format!("{template}/{purpose}")
}

pub(super) fn named(name: &str) -> Option<(TemplateId, ConsentPurpose)> {
    let (template, purpose) = name.split_once('/')?;
    Some((template.parse().ok()?, purpose.parse().ok()?))
}

pub(super) fn no_face(purpose: ConsentPurpose) -> Refusal {
    Refusal::new(
        RefusalCode::ConsentMissing,
        format!("no face is enrolled for {purpose}"),
        "have the person enrol by an act of theirs",
    )
}

impl Custodian {
    /// The consents of a person that their face can serve, as far as they hold.
    ///
    /// # Errors
    /// [`CustodyError`].
    pub async fn face_consents(&self, person: PersonId) -> Result<Vec<LiveConsent>, CustodyError> {
        let mut live = Vec::new();
        for purpose in FACE_PURPOSES {
            if let Answer::Granted(consent) = self.ask(person, purpose).await? {
                live.push(consent);
            }
        }
        Ok(live)
    }

    /// Where the face of a person is to be: as they chose, and never farther from them than the commitments in force say.
    pub(super) fn custody_of(&self, opened: &Opened) -> Custody {
        opened.file.custody.min(self.promise.document().custody)
    }

    /// Enrols a face: makes a template for each purpose that the person agreed to, and puts it where they chose. Under custody
    /// `in_persons_hands` it goes into a token that the answer holds, and the site keeps the key of that token alone; `quality`
    /// is kept beside templates that the site holds.
    ///
    /// # Errors
    /// [`CustodyError::Refused`] when a consent was taken back meanwhile, [`CustodyError::TooManyFaces`], of all records that answer
    /// as one with theirs together.
    /// [`CustodyError::Unrecorded`]: nothing was kept, as the ledger could not say so.
    pub async fn keep_face(
        &self,
        who: &Authenticated,
        key: &RecognitionKey<Enrollment>,
        (make, quality): (MakeTemplate<'_>, Option<&FaceQualityNote>),
    ) -> Result<KeptFace, CustodyError> {
        let person = who.person();
        let consents = self.face_consents(person).await?;
        let _order = self.changing.lock().await;
        let (now, opened) = (self.now(), self.open(person).await?);
        if !key.is_about(person) || !key.is_live_at(now) {
            return Err(CustodyError::Refused(no_face(ConsentPurpose::Verify)));
        }
        let custody = self.custody_of(&opened);
        let purposes: Vec<&LiveConsent> = consents
            .iter()
            .filter(|consent| {
                let is_held = custody == Custody::Controller;
                consent.is_live_at(now)
                    && (is_held || consent.purpose() != ConsentPurpose::Identify)
            })
            .collect();
        let until = purposes.iter().map(|consent| consent.until()).max();
        let until = until.ok_or_else(|| no_face(ConsentPurpose::Verify))?;
        if self.n_faces_together(person).await? >= MAX_FACES {
            return Err(CustodyError::TooManyFaces { max: MAX_FACES });
        }
        let template = TemplateId::random(&mut Self::rng()?);
        let made = match custody {
            Custody::InPersonsHands => {
                self.for_token(who, &opened, (template, until), &purposes, make)
                    .await?
            }
            Custody::Shared | Custody::Controller => {
                let about = (template, quality);
                self.for_site(who, &opened, about, &purposes, make).await?
            }
        };
        // First what the ledger is to say: a template that it does not know of must not be.
        let change = KeyChange {
            person,
            file: Self::sealed_file(person, &opened.key, &opened.file)?,
            keep_until: None,
            put: None,
            destroy: Vec::new(),
            tells: vec![self.entry(EntryBody::TemplateMade {
                subject: subject(person),
                template: template_subject(template),
                custody,
                number: key.grant().number(),
                until,
            })],
        };
        if !self.keys.change(&change).await?.was_there {
            return Err(CustodyError::UnknownToken);
        }
        self.settle().await?;
        self.put_faces(made.rows, &purposes).await?;
        if let Some((bytes, until)) = made.for_gallery {
            let face = NewFace {
                person,
                template,
                bytes,
                until,
            };
            self.find_from_now(face).await?;
        }
        Ok(KeptFace {
            template,
            custody,
            purposes: purposes.iter().map(|consent| consent.purpose()).collect(),
            until,
            token: made.token,
        })
    }

    /// Puts sealed rows in, each for as long as the consent it hangs on.
    async fn put_faces(
        &self,
        rows: Vec<SealedRow>,
        consents: &[&LiveConsent],
    ) -> Result<(), CustodyError> {
        let mut kept = Vec::with_capacity(rows.len());
        for row in rows {
            let until = consents
                .iter()
                .find(|consent| row.slot == KeySlot::Purpose(consent.purpose()))
                .map_or(self.now(), |consent| consent.until());
            let row = self.retention.keep(row, self.now()).into_result()?;
            kept.push(row.no_later_than(until));
        }
        Ok(self.store.put_sealed(&kept).await?)
    }

    async fn for_token(
        &self,
        who: &Authenticated,
        opened: &Opened,
        (template, until): (TemplateId, Timestamp),
        consents: &[&LiveConsent],
        make: MakeTemplate<'_>,
    ) -> Result<Made, CustodyError> {
        let mut rng = Self::rng()?;
        let key = FaceTokenKey::random(&mut rng);
        let bytes = make(&key.diversifier()).ok_or(CustodyError::NoTemplate)?;
        let mut rows = Vec::new();
        for consent in consents {
            let purpose = consent.purpose();
            let purpose_key = self.purpose_key(who, opened, purpose).await?;
            let purpose_key = purpose_key.ok_or_else(|| no_face(purpose))?;
            let slot = (who.person(), KeySlot::Purpose(purpose));
            let name = row_name(template, purpose);
            rows.push(self.sealed(&purpose_key, slot, (TOKEN_KIND, &name), key.as_bytes())?);
        }
        let times = (self.now(), until);
        let token = self
            .mint
            .mint((who.person(), template), &key, &bytes, times, &mut rng);
        Ok(Made {
            rows,
            for_gallery: None,
            token: Some(token),
        })
    }

    async fn for_site(
        &self,
        who: &Authenticated,
        opened: &Opened,
        (template, quality): (TemplateId, Option<&FaceQualityNote>),
        consents: &[&LiveConsent],
        make: MakeTemplate<'_>,
    ) -> Result<Made, CustodyError> {
        let (mut rows, mut for_gallery) = (Vec::new(), None);
        for consent in consents {
            let purpose = consent.purpose();
            let purpose_key = self.purpose_key(who, opened, purpose).await?;
            let purpose_key = purpose_key.ok_or_else(|| no_face(purpose))?;
            let diversifier = match purpose {
                ConsentPurpose::Identify => self.newest_gallery_secret().await?,
                _ => purpose_key.derive(DIVERSIFIER),
            };
            let bytes = make(&diversifier).ok_or(CustodyError::NoTemplate)?;
            let slot = (who.person(), KeySlot::Purpose(purpose));
            let name = row_name(template, purpose);
            rows.push(self.sealed(&purpose_key, slot, (TEMPLATE_KIND, &name), &bytes)?);
            if let Some(quality) = quality {
                let whose = (who.person(), purpose);
                rows.push(self.sealed_quality(&purpose_key, whose, template, quality)?);
            }
            if purpose == ConsentPurpose::Identify {
                for_gallery = Some((bytes, consent.until()));
            }
        }
        Ok(Made {
            rows,
            for_gallery,
            token: None,
        })
    }

    /// The templates of a person, without their numbers; those of one that serve several purposes once.
    pub(super) async fn notes_of(&self, person: PersonId) -> Result<Vec<FaceNote>, CustodyError> {
        notes_in(&self.store.sealed_of(person).await?)
    }

    /// The templates of whoever asks, without their numbers.
    ///
    /// # Errors
    /// [`CustodyError`].
    pub async fn faces(&self, who: &Authenticated) -> Result<Vec<FaceNote>, CustodyError> {
        self.notes_of(who.person()).await
    }

    /// Destroys one template of a person, or the key of one token, while their consents go on; whether it was there.
    ///
    /// # Errors
    /// [`CustodyError`].
    pub async fn remove_face(
        &self,
        person: PersonId,
        template: TemplateId,
    ) -> Result<bool, CustodyError> {
        let _order = self.changing.lock().await;
        let opened = self.open(person).await?;
        self.galleries
            .apart(move |galleries| galleries.forget_template(person, template))
            .await;
        let rows = self.store.sealed_of(person).await?;
        let is_meant = |row: &&SealedRow| named(&row.name).is_some_and(|(id, _)| id == template);
        let meant: Vec<&SealedRow> = rows.iter().filter(is_meant).collect();
        if meant.is_empty() {
            return Ok(false);
        }
        for row in &meant {
            self.store
                .remove_sealed_row(person, &row.kind, &row.name)
                .await?;
        }
        let body = EntryBody::TemplateRemoved {
            subject: subject(person),
            template: template_subject(template),
        };
        self.save(&opened, body).await?;
        Ok(true)
    }

    /// Removes templates again that the ledger says were removed, and that came back with an older file; how many rows.
    pub(super) async fn remove_again(
        &self,
        removed: &BTreeSet<Digest>,
    ) -> Result<u64, CustodyError> {
        let mut n_rows = 0;
        for kind in [TEMPLATE_KIND, TOKEN_KIND, QUALITY_KIND] {
            let mut after = None;
            loop {
                let persons = self.store.sealed_persons(Some(kind), after, CHUNK).await?;
                let Some(last) = persons.last() else { break };
                after = Some(*last);
                for person in persons {
                    for row in self.store.sealed_of(person).await? {
                        let template = named(&row.name).filter(|_| row.kind == kind);
                        if template.is_some_and(|(id, _)| removed.contains(&template_subject(id))) {
                            let gone = self.store.remove_sealed_row(person, kind, &row.name);
                            n_rows += u64::from(gone.await?);
                        }
                    }
                }
            }
        }
        Ok(n_rows)
    }

    /// What is inside a token that somebody shows, to be compared with their face for a purpose.
    ///
    /// # Errors
    /// [`CustodyError::FaceToken`] says what is wrong with the token; a refusal is an answer.
    pub async fn claimed_by_token(
        &self,
        text: &str,
        purpose: ConsentPurpose,
    ) -> Result<Answer<ClaimedFace>, CustodyError> {
        let now = self.now();
        let shown = self.mint.read(text)?;
        let person = shown.person();
        let consent = match self.ask(person, purpose).await? {
            Answer::Granted(consent) => consent,
            Answer::Refused(refusal) => return Ok(Answer::Refused(refusal)),
        };
        let opened = self.open(person).await?;
        let name = row_name(shown.id(), purpose);
        let rows = self.store.sealed_of(person).await?;
        let is_meant = |row: &&SealedRow| row.kind == TOKEN_KIND && row.name == name;
        let row = rows.iter().find(is_meant);
        // Its key was destroyed, alone or with its purpose.
        let row = row.ok_or(FaceTokenFault::DoesNotOpen)?;
        let purpose_key = self.site_held_key(&opened, purpose).await?;
        let purpose_key = purpose_key.ok_or(FaceTokenFault::DoesNotOpen)?;
        let bytes = open_row(&purpose_key, row)?;
        let key = FaceTokenKey::from_bytes(&bytes).ok_or(CustodyError::Damaged)?;
        let content = shown.open(&key, now)?;
        let face = OpenedFace {
            diversifier: key.diversifier(),
            template: content.template,
        };
        Ok(Answer::Granted(ClaimedFace {
            consent,
            faces: vec![face],
        }))
    }

    /// The templates that the site holds of whoever shows their own token, to be compared with their face.
    ///
    /// # Errors
    /// [`CustodyError`]; a refusal is an answer.
    pub async fn claimed_by_person(
        &self,
        who: &Authenticated,
        purpose: ConsentPurpose,
    ) -> Result<Answer<ClaimedFace>, CustodyError> {
        let opened = self.open(who.person()).await?;
        let key = self.purpose_key(who, &opened, purpose).await?;
        self.claimed(&opened, key, purpose).await
    }

    /// The templates that the site holds of somebody under custody `controller`, whose id is claimed. Under any other
    /// custody they do not open without the person's own token.
    ///
    /// # Errors
    /// [`CustodyError`]; a refusal is an answer.
    pub async fn claimed_by_id(
        &self,
        person: PersonId,
        purpose: ConsentPurpose,
    ) -> Result<Answer<ClaimedFace>, CustodyError> {
        let Some(row) = self.keys.person(person).await? else {
            return Ok(Answer::Refused(no_face(purpose)));
        };
        let opened = self.open_row(row)?;
        if opened.file.custody != Custody::Controller {
            return Ok(Answer::Refused(no_face(purpose)));
        }
        let key = self.site_held_key(&opened, purpose).await?;
        self.claimed(&opened, key, purpose).await
    }

    async fn claimed(
        &self,
        opened: &Opened,
        key: Option<DataKey>,
        purpose: ConsentPurpose,
    ) -> Result<Answer<ClaimedFace>, CustodyError> {
        let person = opened.row.person;
        let consent = match self.ask(person, purpose).await? {
            Answer::Granted(consent) => consent,
            Answer::Refused(refusal) => return Ok(Answer::Refused(refusal)),
        };
        let Some(key) = key else {
            return Ok(Answer::Refused(no_face(purpose)));
        };
        let mut faces = Vec::new();
        for row in self.store.sealed_of(person).await? {
            if row.kind == TEMPLATE_KIND && row.slot == KeySlot::Purpose(purpose) {
                faces.push(OpenedFace {
                    template: open_row(&key, &row)?,
                    diversifier: key.derive(DIVERSIFIER),
                });
            }
        }
        if faces.is_empty() {
            return Ok(Answer::Refused(no_face(purpose)));
        }
        Ok(Answer::Granted(ClaimedFace { consent, faces }))
    }

    /// The key of what hangs on a purpose, where the site alone unwraps it; nothing under custody `shared`.
    pub(super) async fn site_held_key(
        &self,
        opened: &Opened,
        purpose: ConsentPurpose,
    ) -> Result<Option<DataKey>, CustodyError> {
        let person = opened.row.person;
        let held = self.keys.purpose_key(person, purpose).await?;
        let Some(held) = held.filter(|held| !held.is_shared) else {
            return Ok(None);
        };
        let slot = (person, KeySlot::Purpose(purpose));
        self.with_ring(|ring| ring.unwrap(slot, &held.key, None))
            .map(Some)
    }
}

/// The templates among what is sealed of a person, without their numbers.
pub(super) fn notes_in(rows: &[SealedRow]) -> Result<Vec<FaceNote>, CustodyError> {
    let mut notes: BTreeMap<TemplateId, FaceNote> = BTreeMap::new();
    for row in rows {
        let in_token = match row.kind.as_str() {
            TEMPLATE_KIND => false,
            TOKEN_KIND => true,
            _ => continue,
        };
        let (template, purpose) = named(&row.name).ok_or(CustodyError::Damaged)?;
        let note = notes.entry(template).or_insert_with(|| FaceNote {
            template,
            in_token,
            purposes: Vec::new(),
            made_at: row.at,
        });
        note.purposes.push(purpose);
    }
    for note in notes.values_mut() {
        note.purposes.sort_unstable();
    }
    Ok(notes.into_values().collect())
}

/// What came of enrolling one face.
struct Made {
    rows: Vec<SealedRow>,
    for_gallery: Option<(Zeroizing<Vec<u8>>, Timestamp)>,
    token: Option<FaceToken>,
}

pub(super) fn open_row(key: &DataKey, row: &SealedRow) -> Result<Zeroizing<Vec<u8>>, CustodyError> {
    let place = SealedAs {
        person: row.person,
        kind: &row.kind,
        name: &row.name,
    };
    key.open(&place, &row.body)
        .map_err(|_| CustodyError::Damaged)
}

/// What was sealed as JSON.
pub(super) fn read_row<T: DeserializeOwned>(
    key: &DataKey,
    row: &SealedRow,
) -> Result<T, CustodyError> {
    serde_json::from_slice(&open_row(key, row)?).map_err(|_| CustodyError::Damaged)
}

/// Whose template a sealed row is of, and which.
pub(super) fn template_of(row: &SealedRow) -> Option<(TemplateId, ConsentPurpose)> {
    (row.kind == TEMPLATE_KIND).then(|| named(&row.name))?
}
