//! Everything that is held about a person, for that person (GDPR 15 and 20).

use std::collections::BTreeMap;

use regard_commitments::{
    Consent, ConsentPurpose, Custody, KeySlot, UtcText, WrittenRelease, word,
};
use regard_domain::{PersonId, TemplateId};
use serde::Serialize;

use super::acts::{PREFERENCES_KIND, RECEIPT_KIND, RELEASE_KIND};
use super::face_quality::{FaceQualityNote, QUALITY_KIND};
use super::faces::{FaceNote, TEMPLATE_KIND, TOKEN_KIND, named, notes_in, open_row, read_row};
use super::studies::{MOVEMENTS_KIND, SITTING_KIND};
use super::wishes::HISTORY_KIND;
use super::{Authenticated, Custodian, CustodyError};
use crate::galleries::RecordMerge;

/// Everything that is held about a person.
///
/// # Privacy
/// For the person alone.
#[derive(Serialize)]
pub struct PersonExport {
    /// Random id.
    pub person: PersonId,
    /// When they came.
    pub created_at: UtcText,
    /// Where a template would be held.
    pub custody: String,
    /// Whether a guardian has to agree for them.
    pub is_minor: bool,
    /// Since when what is held is used for nothing.
    pub frozen_at: Option<UtcText>,
    /// The newest consent to each purpose.
    pub consents: Vec<ExportedConsent>,
    /// All receipts, signed: JWS in compact form.
    pub receipts: Vec<String>,
    /// Releases that they signed before a face was measured, where the law of the place wants that: texts and names.
    pub written_releases: Vec<WrittenRelease>,
    /// What they said they prefer.
    pub preferences: Option<serde_json::Value>,
    /// How often they came and were welcomed, where they agreed that messages are chosen for them.
    pub history: Option<serde_json::Value>,
    /// What they gave to studies.
    pub studies: Vec<serde_json::Value>,
    /// Face templates, without their numbers: a template is for comparing faces and tells its person nothing.
    pub templates: Vec<ExportedFace>,
    /// Records of theirs that answer as one where people are looked for, this one among them.
    pub merges: Vec<ExportedMerge>,
    /// Records that are known to be of other people, and how many: whose they are is theirs to know.
    pub n_told_apart: usize,
    /// Decisions made for them: none is, decisions are made for the audience as a whole.
    pub decisions: Vec<serde_json::Value>,
    /// Version of the commitments in force.
    pub commitments_version: u32,
}

/// A face template, for reading.
#[derive(Serialize)]
pub struct ExportedFace {
    /// Random id.
    pub template: String,
    /// `token` where the person holds it, `site` where the site does.
    pub held_in: &'static str,
    /// What it serves.
    pub purposes: Vec<ConsentPurpose>,
    /// When it was made.
    pub made_at: UtcText,
    /// How good the pictures were, where the site keeps that.
    pub quality: Option<FaceQualityNote>,
}

impl ExportedFace {
    fn new(note: FaceNote, quality: Option<FaceQualityNote>) -> Self {
        Self {
            quality,
            template: note.template.to_string(),
            held_in: if note.in_token { "token" } else { "site" },
            purposes: note.purposes,
            made_at: UtcText::new(note.made_at),
        }
    }
}

/// That one record answers as another of the same person, for reading.
#[derive(Serialize)]
pub struct ExportedMerge {
    /// The record that is no longer answered with.
    pub from: PersonId,
    /// The record that is answered with instead.
    pub into: PersonId,
    /// Since when.
    pub since: UtcText,
}

impl From<RecordMerge> for ExportedMerge {
    fn from(merge: RecordMerge) -> Self {
        Self {
            from: merge.from,
            into: merge.into,
            since: UtcText::new(merge.at),
        }
    }
}

/// A consent, for reading.
#[derive(Serialize)]
pub struct ExportedConsent {
    /// To what.
    pub purpose: ConsentPurpose,
    /// By the person or a guardian.
    pub given_by: String,
    /// When.
    pub given_at: UtcText,
    /// The instant from which it no longer holds.
    pub expires_at: UtcText,
    /// Version of the commitments that was read.
    pub commitments_version: u32,
    /// Hash of its receipt.
    pub receipt: String,
    /// Whether it holds now.
    pub is_live: bool,
    /// When and why it ended.
    pub ended: Option<(UtcText, String)>,
}

fn exported_faces(
    faces: Vec<FaceNote>,
    mut qualities: BTreeMap<TemplateId, FaceQualityNote>,
) -> Vec<ExportedFace> {
    let faces = faces.into_iter();
    let exported = faces.map(|note| {
        let quality = qualities.remove(&note.template);
        ExportedFace::new(note, quality)
    });
    exported.collect()
}

impl Custodian {
    /// Everything that is held about a person.
    ///
    /// # Errors
    /// [`CustodyError`].
    pub async fn export(&self, who: &Authenticated) -> Result<PersonExport, CustodyError> {
        let person = who.person();
        let opened = self.open(person).await?;
        let rows = self.store.sealed_of(person).await?;
        let (mut receipts, mut qualities) = (Vec::new(), BTreeMap::new());
        let mut releases: Vec<WrittenRelease> = Vec::new();
        let (mut preferences, mut history, mut studies) = (None, None, Vec::new());
        for row in &rows {
            if [TEMPLATE_KIND, TOKEN_KIND].contains(&row.kind.as_str()) {
                continue;
            }
            let key = match row.slot {
                KeySlot::Record => None,
                // What hangs on a consent that ended has no key any more, and is as good as gone.
                KeySlot::Purpose(purpose) => match self.purpose_key(who, &opened, purpose).await? {
                    Some(key) => Some(key),
                    None => continue,
                },
            };
            let key = key.as_ref().unwrap_or(&opened.key);
            match row.kind.as_str() {
                RECEIPT_KIND => {
                    let text = String::from_utf8(open_row(key, row)?.to_vec());
                    receipts.push((row.at, text.map_err(|_| CustodyError::Damaged)?));
                }
                RELEASE_KIND => releases.push(read_row(key, row)?),
                PREFERENCES_KIND => preferences = Some(read_row(key, row)?),
                HISTORY_KIND => history = Some(read_row(key, row)?),
                SITTING_KIND | MOVEMENTS_KIND => studies.push(read_row(key, row)?),
                QUALITY_KIND => {
                    let (template, _) = named(&row.name).ok_or(CustodyError::Damaged)?;
                    qualities.insert(template, read_row(key, row)?);
                }
                _ => return Err(CustodyError::Damaged),
            }
        }
        receipts.sort();
        releases.sort_by_key(|one| (one.signed_at, one.purpose));
        let faces = notes_in(&rows)?;
        let now = self.now();
        let file = &opened.file;
        Ok(PersonExport {
            person,
            created_at: UtcText::new(file.created_at),
            custody: custody_name(file.custody),
            is_minor: file.is_minor,
            frozen_at: file.frozen_at.map(UtcText::new),
            consents: file
                .consents()
                .map(|consent| {
                    exported(
                        consent,
                        consent.is_live(now) && !self.has_ended(consent.receipt),
                    )
                })
                .collect(),
            receipts: receipts.into_iter().map(|(_, text)| text).collect(),
            written_releases: releases,
            preferences,
            history,
            studies,
            templates: exported_faces(faces, qualities),
            merges: self
                .merges_around(person)
                .into_iter()
                .map(ExportedMerge::from)
                .collect(),
            n_told_apart: file.other_people.len(),
            decisions: Vec::new(),
            commitments_version: self.promise.document().version,
        })
    }
}

fn custody_name(custody: Custody) -> String {
    word(&custody)
}

fn exported(consent: &Consent, is_live: bool) -> ExportedConsent {
    ExportedConsent {
        purpose: consent.purpose,
        given_by: word(&consent.given_by),
        given_at: UtcText::new(consent.given_at),
        expires_at: UtcText::new(consent.expires_at),
        commitments_version: consent.version,
        receipt: consent.receipt.to_string(),
        is_live,
        ended: consent
            .ended
            .map(|ending| (UtcText::new(ending.at), word(&ending.why))),
    }
}
