//! Collections on the disk: each thing sealed under a key of its own, and taken up at start.

use std::sync::{Arc, PoisonError, RwLock};

use rand::rngs::StdRng;
use regard_backends::CollectedRow;
use regard_commitments::{DataKey, Digest, SealedAs, Zeroizing};
use regard_domain::{GalleryId, PersonId, TemplateId, Timestamp};
use regard_identity::Template;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::shelf::{Held, Shelf};
use super::{CollectionError, Collections, write};
use crate::custody::{CustodyError, Secret};
use crate::keys::KeyError;
use crate::seed::fresh_rng;

/// Longest name, reference or collection name, in bytes. Origin: Rekognition's external image ids have 255 characters.
pub const MAX_NAME_LEN: usize = 255;

/// Rows read in one go.
const CHUNK: u32 = 512;

/// What the row of the collection itself is called.
pub(super) const HEAD: &str = "head";

/// Random id of a name.
pub(super) type NameId = PersonId;

/// What a collection is.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Head {
    /// What the service calls it.
    pub(super) name: String,
    /// Whose it is.
    pub(super) service: String,
    pub(super) created_at: Timestamp,
    /// When the attestation runs out that holds longest; nothing is kept beyond.
    pub(super) until: Timestamp,
}

/// A name.
#[derive(Serialize, Deserialize)]
pub(super) struct NameForm {
    pub(super) name: String,
}

/// What is kept of a face beside its template.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct FaceForm {
    /// Which name it has.
    pub(super) name: Option<NameId>,
    pub(super) external: Option<String>,
    pub(super) picture: u128,
    /// What tells the picture from others.
    pub(super) tag: Digest,
    pub(super) bbox_in_unit: [f32; 4],
    pub(super) score: f32,
    pub(super) made_at: Timestamp,
}

/// The item of a face.
pub(super) fn face_item(id: TemplateId) -> String {
    format!("face/{id}")
}

/// The item of a name.
pub(super) fn name_item(id: NameId) -> String {
    format!("name/{id}")
}

/// Names of secrets of all collections begin so.
const SECRETS: &str = "collection/";

/// What the secret of an item is called.
pub(super) fn secret_name(collection: &GalleryId, item: &str) -> String {
    format!("{SECRETS}{collection}/{item}")
}

/// What sealed bytes are bound to: this item of this collection.
fn place(name: &str) -> SealedAs<'_> {
    SealedAs {
        person: PersonId::from_bits(0),
        kind: "collected",
        name,
    }
}

/// A form with, for faces, the template behind it.
fn bytes_of(form: &impl Serialize, template: Option<&Template>) -> Zeroizing<Vec<u8>> {
    let text = Zeroizing::new(serde_json::to_vec(form).expect("texts and finite numbers"));
    let template = template.map(Template::to_bytes);
    let template = template.as_deref().map_or(&[][..], Vec::as_slice);
    let len = u32::try_from(text.len()).expect("a few short texts");
    let mut bytes = Zeroizing::new(Vec::with_capacity(4 + text.len() + template.len()));
    bytes.extend_from_slice(&len.to_le_bytes());
    bytes.extend_from_slice(&text);
    bytes.extend_from_slice(template);
    bytes
}

/// The same back.
fn form_of<T: DeserializeOwned>(bytes: &[u8]) -> Option<(T, &[u8])> {
    let (len, rest) = bytes.split_first_chunk::<4>()?;
    let len = usize::try_from(u32::from_le_bytes(*len)).ok()?;
    let (text, template) = rest.split_at_checked(len)?;
    Some((serde_json::from_slice(text).ok()?, template))
}

impl Collections {
    pub(super) fn rng() -> Result<StdRng, CollectionError> {
        let rng = fresh_rng().map_err(|error| CustodyError::from(KeyError::NoEntropy(error)))?;
        Ok(rng)
    }

    /// Seals something and puts it on the disk, under a fresh key, or the one that it has.
    pub(super) async fn put(
        &self,
        (collection, item): (&GalleryId, &str),
        until: Timestamp,
        form: &impl Serialize,
        template: Option<&Template>,
    ) -> Result<Secret, CollectionError> {
        let name = secret_name(collection, item);
        let custodian = &self.parts.custodian;
        let secret = match custodian.fresh_secret(name.clone()).await? {
            Some(fresh) => fresh,
            None => {
                let held = custodian.named_secrets(&name).await?;
                let own = held.into_iter().find(|(known, _)| *known == name);
                own.ok_or(CollectionError::Damaged)?.1
            }
        };
        let plain = bytes_of(form, template);
        let key = DataKey::from_secret(secret.clone());
        let row = CollectedRow {
            collection: collection.clone(),
            item: item.to_owned(),
            at: self.now(),
            body: key.seal(&place(&name), &plain, &mut Self::rng()?),
        };
        let kept = self.parts.retention.keep(row, self.now()).into_result();
        let kept = kept.map_err(CollectionError::Refused)?.no_later_than(until);
        self.parts.store.put_collected(&[kept]).await?;
        Ok(secret)
    }

    /// An empty shelf with its secrets.
    pub(super) fn fresh_shelf(&self, head: Head, secret: Secret) -> Result<Shelf, CollectionError> {
        let key = DataKey::from_secret(secret);
        let (turn, tag_key) = (key.derive("face template"), key.derive("picture tag"));
        let shelf = Shelf::new(head, &turn, tag_key, self.parts.model);
        shelf.ok_or(CollectionError::Damaged)
    }

    /// Lets a collection be kept as long as an attestation that holds longer.
    pub(super) async fn prolong(
        &self,
        service: &str,
        collection: &GalleryId,
        until: Timestamp,
    ) -> Result<(), CollectionError> {
        // One that has ended is not taken up again: what was in it may be gone already.
        let Ok(shelf) = self.shelf(service, collection) else {
            return Ok(());
        };
        let head = {
            let shelf = super::read(&shelf);
            if until <= shelf.head.until {
                return Ok(());
            }
            Head {
                until,
                ..shelf.head.clone()
            }
        };
        self.put((collection, HEAD), until, &head, None).await?;
        self.prolong_rows(collection, until).await?;
        write(&shelf).head.until = until;
        Ok(())
    }

    async fn prolong_rows(
        &self,
        collection: &GalleryId,
        until: Timestamp,
    ) -> Result<(), CollectionError> {
        let (store, retention) = (&self.parts.store, &self.parts.retention);
        let mut after = String::new();
        loop {
            let rows = store.collected(Some((collection, &after)), CHUNK).await?;
            let own = rows
                .into_iter()
                .take_while(|row| row.collection == *collection);
            let own: Vec<CollectedRow> = own.collect();
            let Some(last) = own.last() else {
                return Ok(());
            };
            after.clone_from(&last.item);
            let mut kept = Vec::with_capacity(own.len());
            for row in own {
                // Each counts from when it was written, as before.
                let at = row.at;
                let row = retention.keep(row, at).into_result();
                kept.push(row.map_err(CollectionError::Refused)?.no_later_than(until));
            }
            store.put_collected(&kept).await?;
        }
    }

    /// Takes up what is on the disk. What no living key opens is removed: it was removed before, and came back with an older file.
    pub(crate) async fn take_up(&self) -> Result<(), CollectionError> {
        let held = self.parts.custodian.named_secrets(SECRETS).await?;
        let mut secrets: std::collections::BTreeMap<String, Secret> = held.into_iter().collect();
        let (mut after, mut faces, mut n_dead) = (None::<(GalleryId, String)>, Vec::new(), 0_u64);
        loop {
            let from = after.as_ref().map(|(id, item)| (id, item.as_str()));
            let rows = self.parts.store.collected(from, CHUNK).await?;
            let Some(last) = rows.last() else { break };
            after = Some((last.collection.clone(), last.item.clone()));
            for row in rows {
                let name = secret_name(&row.collection, &row.item);
                let opened = secrets.remove(&name).and_then(|secret| {
                    let key = DataKey::from_secret(secret.clone());
                    Some((key.open(&place(&name), &row.body).ok()?, secret))
                });
                match opened {
                    None => {
                        let items = [row.item];
                        let gone = self
                            .parts
                            .store
                            .remove_collected(&row.collection, Some(&items));
                        n_dead += gone.await?;
                    }
                    // Names and faces come before and after the head: they wait for it.
                    Some((plain, secret)) => match row.item.as_str() {
                        HEAD => self.take_up_head(&row.collection, &plain, secret)?,
                        _ => faces.push((row.collection, row.item, plain)),
                    },
                }
            }
        }
        for (collection, item, plain) in faces {
            self.take_up_item(&collection, &item, &plain)?;
        }
        // Keys of what is not there any more open nothing and go.
        let left: Vec<String> = secrets.into_keys().collect();
        if !left.is_empty() {
            self.parts.custodian.drop_secrets(&left, &[]).await?;
        }
        if n_dead > 0 {
            tracing::warn!(n_dead, "rows of collections that no key opens were removed");
        }
        self.drop_ended().await
    }

    fn take_up_head(
        &self,
        collection: &GalleryId,
        plain: &[u8],
        secret: Secret,
    ) -> Result<(), CollectionError> {
        let (head, _) = form_of::<Head>(plain).ok_or(CollectionError::Damaged)?;
        let shelf = self.fresh_shelf(head, secret)?;
        let mut shelves = self.shelves.write().unwrap_or_else(PoisonError::into_inner);
        shelves.insert(collection.clone(), Arc::new(RwLock::new(shelf)));
        Ok(())
    }

    fn take_up_item(
        &self,
        collection: &GalleryId,
        item: &str,
        plain: &[u8],
    ) -> Result<(), CollectionError> {
        let shelves = self.shelves.read().unwrap_or_else(PoisonError::into_inner);
        // One without a head was being removed.
        let Some(shelf) = shelves.get(collection) else {
            return Ok(());
        };
        let mut shelf = write(shelf);
        let (kind, id) = item.split_once('/').ok_or(CollectionError::Damaged)?;
        if kind == "name" {
            let id: NameId = id.parse().map_err(|_| CollectionError::Damaged)?;
            let (form, _) = form_of::<NameForm>(plain).ok_or(CollectionError::Damaged)?;
            shelf.names.insert(id, form.name);
            return Ok(());
        }
        let id: TemplateId = id.parse().map_err(|_| CollectionError::Damaged)?;
        let (form, template) = form_of::<FaceForm>(plain).ok_or(CollectionError::Damaged)?;
        let held = Template::from_bytes(template)?;
        if let Err(error) = shelf.insert(id, form.clone(), Template::from_bytes(template)?) {
            // Of another network than the present one: it stays to be removed, and is found by nobody.
            tracing::warn!(%error, "a face of a collection cannot be compared with any more");
            let template = held;
            shelf.faces.insert(id, Held { form, template });
        }
        Ok(())
    }

    /// Removes collections whose attestations have all run out: their keys, their rows, and what is in memory. The program does
    /// this at its start and whenever it sweeps.
    ///
    /// # Errors
    /// [`CollectionError`]; what was removed before stays so.
    pub async fn drop_ended(&self) -> Result<(), CollectionError> {
        let now = self.now();
        let ended: Vec<(GalleryId, String)> = {
            let shelves = self.shelves.read().unwrap_or_else(PoisonError::into_inner);
            let all = shelves.iter().map(|(id, shelf)| (id, super::read(shelf)));
            all.filter(|(_, shelf)| now >= shelf.head.until)
                .map(|(id, shelf)| (id.clone(), shelf.head.service.clone()))
                .collect()
        };
        for (collection, service) in ended {
            self.destroy(&service, &collection).await?;
        }
        Ok(())
    }
}
