//! Records of one person that answer as one where people are looked for: made one at their wish, and two again at once.
//!
//! A merge is written in the sealed file of the record that answers as the other, in one transaction with what the ledger is to say.
//! It holds as long as both say so: an older file brings none back, and what the ledger says of the other record ends it too.

use std::collections::BTreeMap;

use regard_commitments::{
    ConsentPurpose, Digest, EntryBody, LedgerEntry, LiveConsent, MergedInto, PersonFile, Refusal,
    RefusalCode, subject,
};
use regard_domain::PersonId;
use thiserror::Error;

use super::faces::{MAX_FACES, no_face};
use super::{Custodian, CustodyError, Opened};
use crate::galleries::RecordMerge;

const IDENTIFY: ConsentPurpose = ConsentPurpose::Identify;

/// Records that one record is known not to be one with. Origin: as many as somebody could be taken for within years; each is told by
/// somebody at a desk.
const MAX_OTHERS: usize = 100;

/// Why records do not answer as one, or do not stop doing so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum MergeFault {
    /// A record and itself.
    #[error("that is one record, not two")]
    OneRecord,
    /// They are one already.
    #[error("these records answer as one")]
    AlreadyOne,
    /// They are known to be of two people.
    #[error("these records are known to be of two people")]
    TwoPeople,
    /// It answers for itself.
    #[error("this record answers as no other")]
    NotMerged,
    /// Nobody has it.
    #[error("there is no record of that id")]
    UnknownRecord,
    /// A record is known not to be one with as many as there is room for.
    #[error("a record is told apart from {max} others at most")]
    TooManyOthers {
        /// Most.
        max: usize,
    },
}

/// Which records answer as others, as the ledger tells it: by the names that it has for records; nothing for those that did once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SaidMerges(pub(super) BTreeMap<Digest, Option<Digest>>);

impl SaidMerges {
    /// Takes in what the ledger says next.
    pub(crate) fn hear(&mut self, body: &EntryBody) {
        match body {
            EntryBody::RecordsMerged { subject, into } => {
                self.0.insert(*subject, Some(*into));
            }
            EntryBody::MergeUndone { subject, .. } => {
                self.0.insert(*subject, None);
            }
            EntryBody::Erased { subject } => {
                self.0.remove(subject);
                let answered = self.0.values_mut();
                for into in answered.filter(|into| **into == Some(*subject)) {
                    *into = None;
                }
            }
            _ => {}
        }
    }
}

fn undone(merge: &RecordMerge, are_two: bool) -> EntryBody {
    EntryBody::MergeUndone {
        subject: subject(merge.from),
        into: subject(merge.into),
        are_two,
    }
}

/// Notes that a record is not one with another; whether that is news.
fn note_other(file: &mut PersonFile, other: PersonId) -> Result<bool, MergeFault> {
    if file.other_people.contains(&other) {
        return Ok(false);
    }
    if file.other_people.len() >= MAX_OTHERS {
        return Err(MergeFault::TooManyOthers { max: MAX_OTHERS });
    }
    Ok(file.other_people.insert(other))
}

impl Custodian {
    /// From now on two records of one person answer as one where people are looked for: a search that finds either tells `into`, or
    /// what that answers as. Each keeps its own consents, templates and token; erasing one erases both, and when the consent of either
    /// to be found ends, they are two again.
    ///
    /// Whoever calls this vouches for it that the person wishes it: they showed both tokens, or asked at a desk.
    ///
    /// # Errors
    /// [`CustodyError::Refused`] where the consent of either to be found does not hold, either has no template there, or one alone is
    /// a minor's; [`CustodyError::Merge`] where they are one or known to be of two people; [`CustodyError::TooManyFaces`].
    pub async fn merge(&self, from: PersonId, into: PersonId) -> Result<RecordMerge, CustodyError> {
        let _order = self.changing.lock().await;
        if from == into {
            return Err(MergeFault::OneRecord.into());
        }
        let (mine, theirs) = (
            self.galleries.merged_with(from),
            self.galleries.merged_with(into),
        );
        if mine.contains(&into) {
            return Err(MergeFault::AlreadyOne.into());
        }
        let merge = RecordMerge {
            from: self.galleries.answered_with(from),
            into: self.galleries.answered_with(into),
            at: self.now(),
        };
        for person in [from, into, merge.from, merge.into] {
            self.may_answer(person).await?;
        }
        self.may_be_one(&mine, &theirs).await?;
        let mut opened = self.open(merge.from).await?;
        opened.file.merged_into = Some(MergedInto {
            person: merge.into,
            at: merge.at,
        });
        let body = EntryBody::RecordsMerged {
            subject: subject(merge.from),
            into: subject(merge.into),
        };
        self.write(&opened, vec![self.entry(body)]).await?;
        self.galleries.merge(merge);
        self.settle().await?;
        Ok(merge)
    }

    /// Whether a record takes part in searches.
    async fn may_answer(&self, person: PersonId) -> Result<(), CustodyError> {
        let _consent = self.ask(person, IDENTIFY).await?.into_result()?;
        let faces = self.notes_of(person).await?;
        let mut found = faces.iter().filter(|note| !note.in_token);
        if found.any(|note| note.purposes.contains(&IDENTIFY)) {
            Ok(())
        } else {
            Err(CustodyError::Refused(no_face(IDENTIFY)))
        }
    }

    /// Whether the records of two groups can all be of one person.
    async fn may_be_one(&self, mine: &[PersonId], theirs: &[PersonId]) -> Result<(), CustodyError> {
        let (mut files, mut n_faces) = (Vec::new(), 0);
        for person in mine.iter().chain(theirs) {
            n_faces += self.notes_of(*person).await?.len();
            files.push(self.open(*person).await?.file);
        }
        let (my_files, their_files) = files.split_at(mine.len());
        let knows = |files: &[PersonFile], others: &[PersonId]| {
            let mut known = files.iter().flat_map(|file| &file.other_people);
            known.any(|other| others.contains(other))
        };
        if knows(my_files, theirs) || knows(their_files, mine) {
            return Err(MergeFault::TwoPeople.into());
        }
        let n_minors = files.iter().filter(|file| file.is_minor).count();
        if n_minors != 0 && n_minors != files.len() {
            return Err(CustodyError::Refused(Refusal::new(
                RefusalCode::MinorProtection,
                "one record is a minor's and the other is not",
                "have the person enrol anew under the one that is to stay",
            )));
        }
        if n_faces > MAX_FACES {
            return Err(CustodyError::TooManyFaces { max: MAX_FACES });
        }
        Ok(())
    }

    /// A record answers for itself again, as if it had never answered as another one. Where the two turned out to be of two people,
    /// they never answer as one again.
    ///
    /// # Errors
    /// [`CustodyError::Merge`] when it answers as no other, or has been told apart from too many.
    pub async fn undo_merge(
        &self,
        from: PersonId,
        are_two: bool,
    ) -> Result<RecordMerge, CustodyError> {
        let _order = self.changing.lock().await;
        self.undo(from, are_two).await
    }

    /// The same at the wish of whoever showed the token of a record that is one with that.
    ///
    /// # Errors
    /// As [`Self::undo_merge`]; also when the two are not one.
    pub async fn undo_own_merge(
        &self,
        own: PersonId,
        from: PersonId,
        are_two: bool,
    ) -> Result<RecordMerge, CustodyError> {
        let _order = self.changing.lock().await;
        // Looked at here: until now it may have been parted from theirs and made one with somebody else's.
        if !self.are_one(own, from) {
            return Err(MergeFault::NotMerged.into());
        }
        self.undo(from, are_two).await
    }

    async fn undo(&self, from: PersonId, are_two: bool) -> Result<RecordMerge, CustodyError> {
        let merge = self.galleries.merge_of(from).ok_or(MergeFault::NotMerged)?;
        let mut opened = self.open(from).await?;
        opened.file.merged_into = None;
        if are_two {
            note_other(&mut opened.file, merge.into)?;
        }
        let together = self.galleries.merged_with(from);
        let tells = vec![self.entry(undone(&merge, are_two))];
        self.write(&opened, tells).await?;
        self.galleries.undo_merge(from);
        self.ask_anew(together);
        self.settle().await?;
        Ok(merge)
    }

    /// Says that two records are of two people, who were seen in one picture or are known to somebody: they never answer as one.
    ///
    /// # Errors
    /// [`CustodyError::Merge`] when they answer as one now (undo that first), or there is no such record.
    pub async fn tell_apart(&self, one: PersonId, other: PersonId) -> Result<(), CustodyError> {
        let _order = self.changing.lock().await;
        if one == other {
            return Err(MergeFault::OneRecord.into());
        }
        let mut opened = self.opened_by_id(one).await?;
        let theirs = self.opened_by_id(other).await?;
        if self.are_one(one, other) {
            return Err(MergeFault::AlreadyOne.into());
        }
        if theirs.file.other_people.contains(&one) || !note_other(&mut opened.file, other)? {
            return Ok(());
        }
        let body = EntryBody::ToldApart {
            subject: subject(one),
            other: subject(other),
        };
        self.save(&opened, body).await
    }

    async fn opened_by_id(&self, person: PersonId) -> Result<Opened, CustodyError> {
        let row = self.keys.person(person).await?;
        self.open_row(row.ok_or(MergeFault::UnknownRecord)?)
    }

    /// Whether two records answer as one.
    pub fn are_one(&self, one: PersonId, other: PersonId) -> bool {
        self.galleries.answered_with(one) == self.galleries.answered_with(other)
    }

    /// The consent to be found of a person who was found by a record of theirs, asked for once more; nothing where that of either does
    /// not hold any more, or the record does not answer as that person.
    ///
    /// # Errors
    /// [`CustodyError`].
    pub(crate) async fn ask_found(
        &self,
        person: PersonId,
        record: PersonId,
    ) -> Result<Option<LiveConsent>, CustodyError> {
        let consent = self.ask(person, IDENTIFY).await?.granted();
        if record != person {
            // After the line of the person is in place: whoever parts the two at this moment cuts it, or we find them parted.
            let own = self.ask(record, IDENTIFY).await?.granted();
            if own.is_none() || !self.are_one(record, person) {
                return Ok(None);
            }
        }
        Ok(consent)
    }

    /// The merges of a record and of all that are one with it.
    pub(super) fn merges_around(&self, person: PersonId) -> Vec<RecordMerge> {
        let together = self.galleries.merged_with(person).into_iter();
        together
            .filter_map(|one| self.galleries.merge_of(one))
            .collect()
    }

    /// Templates of a person in all records that are one with theirs; one that serves several purposes once.
    pub(super) async fn n_faces_together(&self, person: PersonId) -> Result<usize, CustodyError> {
        let mut n_faces = 0;
        for one in self.galleries.merged_with(person) {
            n_faces += self.notes_of(one).await?.len();
        }
        Ok(n_faces)
    }

    /// Whoever was found by one of these records is asked for once more.
    pub(super) fn ask_anew(&self, records: Vec<PersonId>) {
        for one in records {
            self.cut(one, |purpose| purpose == IDENTIFY);
        }
    }

    /// What the ledger is to say of merges that end with the consent of a person to be found. Their file says so, too; whoever was
    /// found by one of these records is asked for once more.
    pub(super) fn undoing(&self, opened: &mut Opened, purpose: ConsentPurpose) -> Vec<LedgerEntry> {
        if purpose != IDENTIFY {
            return Vec::new();
        }
        opened.file.merged_into = None;
        let person = opened.row.person;
        self.ask_anew(self.galleries.merged_with(person));
        let ending = self.galleries.merges_of(person).into_iter();
        ending
            .map(|merge| self.entry(undone(&merge, false)))
            .collect()
    }

    /// The same in memory and in the files of the others, once it is on the disk.
    pub(super) async fn undone(&self, person: PersonId, purpose: ConsentPurpose) {
        if purpose == IDENTIFY {
            self.part(person).await;
        }
    }

    /// No record is one with this any more, as the disk says by now. Whoever was found meanwhile by one as the other is asked for once
    /// more, and nothing of this record stays in the files of those that answered as it.
    pub(super) async fn part(&self, person: PersonId) {
        let merges = self.galleries.merges_of(person);
        if merges.is_empty() {
            return;
        }
        let together = self.galleries.merged_with(person);
        self.galleries.undo_merges_of(person);
        self.ask_anew(together);
        for merge in merges {
            if merge.into != person {
                continue;
            }
            if let Err(error) = self.unwrite(merge).await {
                // The ledger says that it is undone: the next start sees to it.
                tracing::error!(%error, "a merge that is undone could not be taken out of a file yet");
            }
        }
    }

    /// Takes a merge that is undone out of the file of the record that answered as the other.
    async fn unwrite(&self, merge: RecordMerge) -> Result<(), CustodyError> {
        let mut opened = self.open(merge.from).await?;
        let written = opened.file.merged_into;
        if written.is_some_and(|merged| merged.person == merge.into) {
            opened.file.merged_into = None;
            self.write(&opened, Vec::new()).await?;
        }
        Ok(())
    }

    /// What the ledger says of merges, with what it is still to say.
    pub(super) async fn merges_said(&self, said: &SaidMerges) -> Result<SaidMerges, CustodyError> {
        let mut said = said.clone();
        for one in self.keys.pending(u32::MAX).await? {
            said.hear(&one.entry.body);
        }
        Ok(said)
    }

    /// Takes up the merges about which ledger and files agree, before anybody is found: of these records, each with what the ledger says
    /// that it answers as. What a file says of others, as it is older or the program died, leaves it.
    pub(super) async fn take_up_merges(
        &self,
        said: Vec<(PersonId, Option<Digest>)>,
    ) -> Result<(), CustodyError> {
        for (from, into) in said {
            let mut opened = self.open(from).await?;
            let Some(MergedInto { person, at }) = opened.file.merged_into else {
                continue;
            };
            let is_meant = into == Some(subject(person));
            if is_meant && self.keys.person(person).await?.is_some() {
                self.galleries.merge(RecordMerge {
                    from,
                    into: person,
                    at,
                });
            } else {
                opened.file.merged_into = None;
                self.write(&opened, Vec::new()).await?;
            }
        }
        Ok(())
    }
}
