//! The gallery of those who agreed to be found: filled at start, emptied person by person, turned over to a fresh secret.

use std::collections::{BTreeMap, BTreeSet};

use regard_backends::{SealedRow, Setting, SiteSecret};
use regard_commitments::{
    Answer, ConsentPurpose, Custody, DataKey, EntryBody, KeySlot, Zeroizing, gallery_subject,
};
use regard_domain::{GalleryId, PersonId, TemplateId, Timestamp};
use regard_identity::{EMBEDDING_DIMENSION, GalleryError, GalleryTransform, Template};

use super::face_quality::QUALITY_KIND;
use super::faces::{CHUNK, FACE_PURPOSES, TEMPLATE_KIND, TOKEN_KIND, open_row, template_of};
use super::{Custodian, CustodyError};
use crate::galleries::{Galleries, NewFace, SearchError};

const IDENTIFY: ConsentPurpose = ConsentPurpose::Identify;

/// Name of the setting that says since when the gallery lies under its secret.
const TURNED_OVER_SETTING: &str = "gallery.turned_over.visitors";

/// The gallery of those who enrolled at the site.
pub fn own_gallery() -> GalleryId {
    GalleryId::new("visitors").expect("lower-case letters")
}

/// What the secret of a generation of the gallery is called.
fn secret_name(generation: u32) -> String {
    format!("gallery/{}/{generation:010}", own_gallery())
}

/// A secret that diversifies the gallery; a higher number is newer.
pub(super) struct GallerySecret {
    generation: u32,
    pub(super) secret: Zeroizing<[u8; 32]>,
}

/// What turning the gallery over did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rekeyed {
    /// Templates that went over.
    pub n_templates: u64,
    /// Templates of a secret that is not there any more, out of an older backup; they were removed, and their persons enrol
    /// anew.
    pub n_left_out: u64,
}

impl Custodian {
    /// Whether anybody may be found here: the promise names it, and the site holds templates.
    fn has_gallery(&self) -> bool {
        let document = self.promise.document();
        document.consent_purposes.contains(&IDENTIFY) && document.custody == Custody::Controller
    }

    /// The secrets of the gallery, the newest last; more than one while it is turned over. Made where there is none yet.
    pub(super) async fn gallery_secrets(&self) -> Result<Vec<GallerySecret>, CustodyError> {
        let prefix = format!("gallery/{}/", own_gallery());
        for _ in 0..2 {
            let held = self.keys.secrets(&prefix).await?;
            if !held.is_empty() {
                return held.iter().map(|one| self.gallery_secret(one)).collect();
            }
            self.fresh_gallery_secret(1).await?;
            self.note_turned_over().await?;
        }
        Err(CustodyError::Damaged)
    }

    fn gallery_secret(&self, held: &SiteSecret) -> Result<GallerySecret, CustodyError> {
        let generation = held.name.rsplit('/').next().and_then(|n| n.parse().ok());
        let secret = self.with_ring(|ring| ring.unwrap_secret(&held.name, &held.key))?;
        let secret = <[u8; 32]>::try_from(secret.as_slice()).map_err(|_| CustodyError::Damaged)?;
        Ok(GallerySecret {
            generation: generation.ok_or(CustodyError::Damaged)?,
            secret: Zeroizing::new(secret),
        })
    }

    pub(super) async fn fresh_gallery_secret(&self, generation: u32) -> Result<(), CustodyError> {
        // If somebody else was quicker, theirs counts.
        self.fresh_secret(secret_name(generation)).await.map(|_| ())
    }

    /// Notes that templates lie under a fresh secret from now on.
    async fn note_turned_over(&self) -> Result<(), CustodyError> {
        let now = self.now();
        let setting = Setting {
            name: TURNED_OVER_SETTING.to_owned(),
            value: now.as_micros().to_string(),
        };
        let kept = self.retention.keep(setting, now).into_result()?;
        Ok(self.store.put_setting(&kept).await?)
    }

    /// Since when templates of the gallery lie under the secret they lie under, where that was noted.
    pub(crate) async fn gallery_turned_over_at(&self) -> Option<Timestamp> {
        // It is for people to read: where the store does not answer, everything else of the gallery is told all the same.
        let noted = self.store.setting(TURNED_OVER_SETTING).await.ok()??;
        noted.parse().ok().map(Timestamp::from_micros)
    }

    /// The secret that new templates of the gallery go under.
    pub(super) async fn newest_gallery_secret(&self) -> Result<Zeroizing<[u8; 32]>, CustodyError> {
        let secrets = self.gallery_secrets().await?;
        let newest = secrets.into_iter().next_back();
        newest.map(|one| one.secret).ok_or(CustodyError::Damaged)
    }

    /// Puts a template into the gallery; it is found from now on, or from when the gallery is turned over. Where the gallery is not
    /// there at the moment, from when [`Self::mend_gallery`] has filled it anew.
    pub(super) async fn find_from_now(&self, face: NewFace) -> Result<(), CustodyError> {
        let put = move |galleries: &Galleries| galleries.insert(&own_gallery(), &face);
        match self.galleries.apart(put).await {
            Err(SearchError::Unknown | SearchError::NotThere) => Ok(()),
            // Under a fresh secret that the gallery is about to be turned over to: then they go in with everybody.
            Err(SearchError::Gallery(GalleryError::OtherTransform)) => Ok(()),
            done => Ok(done?),
        }
    }

    /// Removes the gallery from what keeps it, where nobody may be found.
    async fn close_gallery(&self) {
        let close = |galleries: &Galleries| galleries.close_for_good(&own_gallery());
        if let Err(error) = self.galleries.apart(close).await {
            tracing::error!(%error, "a gallery that nobody may be in could not be removed; it is tried again");
        }
    }

    /// Fills the gallery with everybody whose consent to be found holds. What is held of people beyond what the commitments in
    /// force allow is destroyed. Where what keeps the gallery cannot be reached, nobody is found until [`Self::mend_gallery`] reaches it.
    ///
    /// # Errors
    /// [`CustodyError`].
    pub(crate) async fn fill_gallery(&self) -> Result<(), CustodyError> {
        self.hold_no_more_than_promised().await?;
        if !self.has_gallery() {
            self.close_gallery().await;
            return Ok(());
        }
        match self.take_in_everybody().await {
            Err(CustodyError::Gallery(error)) => {
                tracing::error!(%error, "the gallery could not be filled; nobody is found in it until it can");
                Ok(())
            }
            done => done,
        }
    }

    /// Fills the gallery anew where what keeps it failed, and removes from that what could not be removed before. While it is there and
    /// nothing is left behind, nothing.
    ///
    /// # Errors
    /// [`CustodyError`]; nobody is found until it is called again.
    pub(crate) async fn mend_gallery(&self) -> Result<(), CustodyError> {
        if !self.has_gallery() {
            if self.galleries.is_left_behind() {
                self.close_gallery().await;
            }
            return Ok(());
        }
        // What it is being turned over to is no leftover; whoever mends comes again.
        let Ok(_one) = self.rekeying.try_lock() else {
            return Ok(());
        };
        let look = |galleries: &Galleries| {
            let is_whole = galleries.is_whole(&own_gallery());
            if is_whole {
                galleries.remove_leftovers(&own_gallery());
            }
            is_whole
        };
        if self.galleries.apart(look).await {
            return Ok(());
        }
        self.take_in_everybody().await
    }

    /// Opens the gallery and puts everybody in.
    async fn take_in_everybody(&self) -> Result<(), CustodyError> {
        let secrets = self.gallery_secrets().await?;
        if secrets.len() > 1 {
            // Turning it over was broken off: it goes on before anybody is found.
            let rekeyed = self.finish_rekeying(&secrets).await?;
            tracing::info!(
                n_templates = rekeyed.n_templates,
                "the gallery was turned over to its fresh secret"
            );
        }
        let secret = self.newest_gallery_secret().await?;
        let model = self.face_model;
        self.galleries
            .apart(move |galleries| galleries.open(&own_gallery(), &secret, model))
            .await?;
        let (mut after, mut n_unfit) = (None, 0_u64);
        loop {
            let persons = self
                .store
                .sealed_persons(Some(TEMPLATE_KIND), after, CHUNK)
                .await?;
            let Some(last) = persons.last() else { break };
            after = Some(*last);
            for person in persons {
                // One person at a time: whoever wants to withdraw waits for no more than that.
                let _order = self.changing.lock().await;
                n_unfit += self.fill_with(person).await?;
            }
        }
        // Nobody enrols and nobody goes between the last one and this.
        let _order = self.changing.lock().await;
        self.galleries
            .apart(|galleries| galleries.filled(&own_gallery()))
            .await?;
        if n_unfit > 0 {
            tracing::warn!(
                n_unfit,
                "templates were made by another face model or under an older secret; their persons are not found until they enrol anew"
            );
        }
        Ok(())
    }

    /// Puts the templates of one person in whose consent to be found holds; how many could not be. Fails where the gallery is not
    /// there.
    pub(super) async fn fill_with(&self, person: PersonId) -> Result<u64, CustodyError> {
        let rows = self.store.sealed_of(person).await?;
        let meant: Vec<&SealedRow> = rows.iter().filter(|row| is_of_gallery(row)).collect();
        if meant.is_empty() {
            return Ok(0);
        }
        let Answer::Granted(consent) = self.ask(person, IDENTIFY).await? else {
            return Ok(0);
        };
        let opened = self.open(person).await?;
        let Some(key) = self.site_held_key(&opened, IDENTIFY).await? else {
            return Ok(0);
        };
        let mut n_unfit = 0;
        for row in meant {
            let Some((template, _)) = template_of(row) else {
                continue;
            };
            let face = NewFace {
                person,
                template,
                bytes: open_row(&key, row)?,
                until: consent.until(),
            };
            let put = move |galleries: &Galleries| galleries.insert(&own_gallery(), &face);
            match self.galleries.apart(put).await {
                Ok(()) => {}
                Err(error @ SearchError::NotThere) => return Err(error.into()),
                Err(_) => n_unfit += 1,
            }
        }
        Ok(n_unfit)
    }

    /// Removes templates that the site holds of people although the commitments in force leave them to their persons.
    async fn hold_no_more_than_promised(&self) -> Result<(), CustodyError> {
        let promised = self.promise.document().custody;
        if promised == Custody::Controller {
            return Ok(());
        }
        let (mut after, mut n_removed) = (None, 0_u64);
        loop {
            let persons = self
                .store
                .sealed_persons(Some(TEMPLATE_KIND), after, CHUNK)
                .await?;
            let Some(last) = persons.last() else { break };
            after = Some(*last);
            for person in persons {
                let rows = self.store.sealed_of(person).await?;
                if !rows.iter().any(|row| template_of(row).is_some()) {
                    continue;
                }
                let opened = self.open(person).await?;
                if opened.file.custody <= promised {
                    continue;
                }
                let is_of_face =
                    |row: &&SealedRow| template_of(row).is_some() || row.kind == QUALITY_KIND;
                for row in rows.iter().filter(is_of_face) {
                    self.store
                        .remove_sealed_row(person, &row.kind, &row.name)
                        .await?;
                    n_removed += 1;
                }
            }
        }
        if n_removed > 0 {
            tracing::warn!(
                n_removed,
                "the commitments leave templates to their persons now; those that the site held are removed"
            );
        }
        Ok(())
    }

    /// Turns the gallery over to a fresh secret, while it is searched: what leaked of the older one matches nothing any more.
    ///
    /// # Errors
    /// [`CustodyError`]; it goes on when called again, and at the next start.
    pub async fn rekey_gallery(&self) -> Result<Rekeyed, CustodyError> {
        let _one = self.rekeying.lock().await;
        let mut secrets = self.gallery_secrets().await?;
        if secrets.len() == 1 {
            let newest = secrets.last().map_or(0, |one| one.generation);
            self.fresh_gallery_secret(newest + 1).await?;
            secrets = self.gallery_secrets().await?;
        }
        if let Some(newest) = secrets.last() {
            let secret = newest.secret.clone();
            self.galleries
                .apart(move |galleries| galleries.turn_over(&own_gallery(), &secret))
                .await;
        }
        let rekeyed = self.finish_rekeying(&secrets).await?;
        let _order = self.changing.lock().await;
        self.settle().await?;
        Ok(rekeyed)
    }

    /// What the ledger is to say of it goes in with the next act: at start nothing is written to it yet.
    async fn finish_rekeying(&self, secrets: &[GallerySecret]) -> Result<Rekeyed, CustodyError> {
        let Some((newest, older)) = secrets.split_last() else {
            return Err(CustodyError::Damaged);
        };
        let ways = Ways::new(newest, older).ok_or(CustodyError::Damaged)?;
        let mut rekeyed = Rekeyed {
            n_templates: 0,
            n_left_out: 0,
        };
        let mut after = None;
        loop {
            let persons = self
                .store
                .sealed_persons(Some(TEMPLATE_KIND), after, CHUNK)
                .await?;
            let Some(last) = persons.last() else { break };
            after = Some(*last);
            for person in persons {
                // One person at a time: whoever wants to withdraw waits for no more than that.
                let _order = self.changing.lock().await;
                self.rekey_person(person, &ways, &mut rekeyed).await?;
            }
        }
        let _order = self.changing.lock().await;
        let names: Vec<String> = older
            .iter()
            .map(|one| secret_name(one.generation))
            .collect();
        let entry = self.entry(EntryBody::GalleryRekeyed {
            gallery: gallery_subject(&own_gallery()),
            n_templates: rekeyed.n_templates,
        });
        // Before the older secret goes: whoever goes on after a crash writes it again.
        self.note_turned_over().await?;
        let dropped = self.keys.drop_secrets(&names, &[entry]).await?;
        if !dropped.is_wiped {
            tracing::warn!(
                "another program reads the file of keys; the older secret leaves its log with the next change"
            );
        }
        self.galleries
            .apart(|galleries| galleries.turned_over(&own_gallery()))
            .await;
        Ok(rekeyed)
    }

    async fn rekey_person(
        &self,
        person: PersonId,
        ways: &Ways,
        rekeyed: &mut Rekeyed,
    ) -> Result<(), CustodyError> {
        let rows = self.store.sealed_of(person).await?;
        let meant: Vec<&SealedRow> = rows.iter().filter(|row| is_of_gallery(row)).collect();
        if meant.is_empty() {
            return Ok(());
        }
        let Some(held) = self.keys.person(person).await? else {
            return Ok(());
        };
        let opened = self.open_row(held)?;
        let Some(key) = self.site_held_key(&opened, IDENTIFY).await? else {
            return Ok(());
        };
        let consent = self.ask(person, IDENTIFY).await?.granted();
        let ends_at = opened
            .file
            .consent(IDENTIFY)
            .map_or(self.now(), |consent| consent.expires_at);
        for row in meant {
            let Some((template, _)) = template_of(row) else {
                continue;
            };
            let bytes = open_row(&key, row)?;
            let Some(turned) = ways.turned(&bytes) else {
                self.store
                    .remove_sealed_row(person, &row.kind, &row.name)
                    .await?;
                rekeyed.n_left_out += 1;
                continue;
            };
            self.put_turned((row, template), &key, &turned, ends_at)
                .await?;
            rekeyed.n_templates += 1;
            if let Some(consent) = &consent {
                let face = NewFace {
                    person,
                    template,
                    bytes: turned,
                    until: consent.until(),
                };
                // At start the gallery is filled afterwards; one that is there already stays.
                let put = move |galleries: &Galleries| galleries.insert(&own_gallery(), &face);
                let _ = self.galleries.apart(put).await;
            }
        }
        Ok(())
    }

    async fn put_turned(
        &self,
        (row, template): (&SealedRow, TemplateId),
        key: &DataKey,
        turned: &[u8],
        ends_at: Timestamp,
    ) -> Result<(), CustodyError> {
        let slot = (row.person, KeySlot::Purpose(IDENTIFY));
        let mut again = self.sealed(key, slot, (&row.kind, &row.name), turned)?;
        // The template is as old as before.
        again.at = row.at;
        debug_assert_eq!(template_of(&again).map(|(id, _)| id), Some(template));
        let kept = self.retention.keep(again, self.now()).into_result()?;
        Ok(self
            .store
            .put_sealed(&[kept.no_later_than(ends_at)])
            .await?)
    }

    /// What hangs on a consent goes on as long as the consent that was given anew.
    pub(super) async fn prolong_rows(
        &self,
        person: PersonId,
        purpose: ConsentPurpose,
        until: Timestamp,
    ) -> Result<(), CustodyError> {
        let mut kept = Vec::new();
        for row in self.store.sealed_of(person).await? {
            if row.slot == KeySlot::Purpose(purpose) {
                let row = self.retention.keep(row, self.now()).into_result()?;
                kept.push(row.no_later_than(until));
            }
        }
        if !kept.is_empty() {
            self.store.put_sealed(&kept).await?;
        }
        if purpose == IDENTIFY {
            self.galleries
                .apart(move |galleries| galleries.prolong(person, until))
                .await;
        }
        Ok(())
    }

    /// How many persons have a face enrolled for each purpose, and how many templates the site holds; nobody's name.
    ///
    /// # Errors
    /// [`CustodyError`].
    pub async fn face_counts(&self) -> Result<BTreeMap<ConsentPurpose, u64>, CustodyError> {
        let mut counts: BTreeMap<ConsentPurpose, u64> = FACE_PURPOSES
            .into_iter()
            .map(|purpose| (purpose, 0))
            .collect();
        for kind in [TEMPLATE_KIND, TOKEN_KIND] {
            let mut after = None;
            loop {
                let persons = self.store.sealed_persons(Some(kind), after, CHUNK).await?;
                let Some(last) = persons.last() else { break };
                after = Some(*last);
                for person in persons {
                    let notes = self.notes_of(person).await?;
                    if kind == TOKEN_KIND && notes.iter().any(|note| !note.in_token) {
                        // Counted among those whose template is held.
                        continue;
                    }
                    let of_all = notes.into_iter().flat_map(|note| note.purposes);
                    for purpose in of_all.collect::<BTreeSet<_>>() {
                        *counts.entry(purpose).or_default() += 1;
                    }
                }
            }
        }
        Ok(counts)
    }
}

fn is_of_gallery(row: &SealedRow) -> bool {
    template_of(row).is_some_and(|(_, purpose)| purpose == IDENTIFY)
}

/// The ways from older secrets of the gallery to the newest.
struct Ways {
    newest: GalleryTransform,
    older: Vec<regard_identity::Rekeying>,
}

impl Ways {
    fn new(newest: &GallerySecret, older: &[GallerySecret]) -> Option<Self> {
        let newest = GalleryTransform::from_key(&newest.secret, EMBEDDING_DIMENSION)?;
        let older = older
            .iter()
            .map(|one| {
                GalleryTransform::from_key(&one.secret, EMBEDDING_DIMENSION)?.way_to(&newest)
            })
            .collect::<Option<Vec<_>>>()?;
        Some(Self { newest, older })
    }

    /// A template under the newest secret; nothing when it is of none of those.
    fn turned(&self, bytes: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let template = Template::from_bytes(bytes).ok()?;
        if template.transform() == self.newest.id() {
            return Some(template.to_bytes());
        }
        let turned = self.older.iter().find_map(|way| way.template(&template));
        Some(turned?.to_bytes())
    }
}
