//! What is put into collections and taken out of them.

use std::sync::{Arc, PoisonError, RwLock};

use regard_commitments::{Custody, EntryBody, LedgerEntry, gallery_subject, subject};
use regard_domain::{GalleryId, PersonId, PictureId, TemplateId};
use regard_identity::{Gallery as _, Template};

use super::kept::{FaceForm, HEAD, Head, NameForm, NameId, face_item, name_item, secret_name};
use super::{
    Caller, CollectedFace, CollectionError, CollectionInfo, Collections, Leave, MAX_COLLECTIONS,
    MAX_FACES, MAX_NAME_LEN, MAX_NAMES, Probe, read, write,
};
use crate::custody::template_subject;
use crate::recognition::Looked;

/// Faces of one picture to be put in.
pub struct NewFaces<'a> {
    /// The picture they are in.
    pub looked: &'a Looked,
    /// Which of its faces, each with its embedding.
    pub which: Vec<(usize, Probe)>,
    /// The bytes of the picture, of which a keyed hash is kept.
    pub bytes: &'a [u8],
    /// The name they get; made where it is not there yet.
    pub name: Option<&'a str>,
    /// What the service calls the picture, or whose consent it stands on.
    pub external: Option<&'a str>,
}

impl std::fmt::Debug for NewFaces<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NewFaces(withheld)")
    }
}

/// Whether a text can be a name.
fn checked(name: &str) -> Result<(), CollectionError> {
    if name.trim().is_empty() || name.len() > MAX_NAME_LEN {
        return Err(CollectionError::BadName);
    }
    Ok(())
}

/// The same template once more.
fn copy(template: &Template) -> Result<Template, CollectionError> {
    Ok(Template::from_bytes(&template.to_bytes())?)
}

impl Collections {
    /// Makes a collection, for as long as its attestation holds.
    ///
    /// # Errors
    /// [`CollectionError::CollectionExists`]; [`CollectionError::Refused`] without an attestation.
    pub async fn create(
        &self,
        caller: &Caller,
        name: &str,
    ) -> Result<CollectionInfo, CollectionError> {
        checked(name)?;
        let collection = Self::id_of(name);
        let leave = self.leave(caller, &collection, false).await?;
        self.drop_ended().await?;
        let _order = self.changing.lock().await;
        {
            let shelves = self.shelves.read().unwrap_or_else(PoisonError::into_inner);
            if shelves.contains_key(&collection) {
                return Err(CollectionError::CollectionExists);
            }
            if shelves.len() >= MAX_COLLECTIONS {
                return Err(CollectionError::Full {
                    what: "collections",
                });
            }
        }
        let head = Head {
            name: name.to_owned(),
            service: caller.service.clone(),
            created_at: self.now(),
            until: leave.until,
        };
        let place = (&collection, HEAD);
        let secret = self.put(place, leave.until, &head, None).await?;
        let shelf = self.fresh_shelf(head, secret)?;
        let info = shelf.info(&collection);
        let mut shelves = self.shelves.write().unwrap_or_else(PoisonError::into_inner);
        shelves.insert(collection, Arc::new(RwLock::new(shelf)));
        Ok(info)
    }

    /// Removes a collection with all that is in it: every key of it is destroyed when this returns.
    ///
    /// # Errors
    /// [`CollectionError::UnknownCollection`].
    pub async fn delete(
        &self,
        service: &str,
        collection: &GalleryId,
    ) -> Result<(), CollectionError> {
        self.shelf(service, collection)?;
        self.destroy(service, collection).await?;
        Ok(self.parts.custodian.say().await?)
    }

    pub(super) async fn destroy(
        &self,
        service: &str,
        collection: &GalleryId,
    ) -> Result<(), CollectionError> {
        let _order = self.changing.lock().await;
        let shelf = {
            let mut shelves = self.shelves.write().unwrap_or_else(PoisonError::into_inner);
            let is_own = |shelf: &super::Shared| read(shelf).head.service == service;
            if !shelves.get(collection).is_some_and(is_own) {
                return Err(CollectionError::UnknownCollection);
            }
            shelves.remove(collection)
        };
        let n_templates = shelf.map_or(0, |shelf| read(&shelf).faces.len() as u64);
        let custodian = &self.parts.custodian;
        let held = custodian
            .named_secrets(&secret_name(collection, ""))
            .await?;
        let names: Vec<String> = held.into_iter().map(|(name, _)| name).collect();
        let body = EntryBody::CollectionRemoved {
            collection: gallery_subject(collection),
            n_templates,
        };
        let tells = [self.entry(body)];
        custodian.drop_secrets(&names, &tells).await?;
        self.parts.store.remove_collected(collection, None).await?;
        Ok(())
    }

    fn entry(&self, body: EntryBody) -> LedgerEntry {
        LedgerEntry {
            at: self.now(),
            body,
        }
    }

    /// Puts a name in that has no face yet.
    ///
    /// # Errors
    /// [`CollectionError::NameExists`].
    pub async fn add_name(
        &self,
        service: &str,
        collection: &GalleryId,
        name: &str,
    ) -> Result<(), CollectionError> {
        checked(name)?;
        let _order = self.changing.lock().await;
        let shelf = self.shelf(service, collection)?;
        if read(&shelf).name_id(name).is_some() {
            return Err(CollectionError::NameExists);
        }
        self.make_name(&shelf, collection, name).await.map(|_| ())
    }

    async fn make_name(
        &self,
        shelf: &super::Shared,
        collection: &GalleryId,
        name: &str,
    ) -> Result<NameId, CollectionError> {
        let until = {
            let shelf = read(shelf);
            if shelf.names.len() >= MAX_NAMES {
                return Err(CollectionError::Full { what: "names" });
            }
            shelf.head.until
        };
        let id = NameId::random(&mut Self::rng()?);
        let form = NameForm {
            name: name.to_owned(),
        };
        self.put((collection, &name_item(id)), until, &form, None)
            .await?;
        write(shelf).names.insert(id, form.name);
        Ok(id)
    }

    /// Gives a name another text; where that is the text of another name, the faces of both are one's.
    ///
    /// # Errors
    /// [`CollectionError::UnknownName`].
    pub async fn rename(
        &self,
        service: &str,
        collection: &GalleryId,
        (name, to): (&str, &str),
    ) -> Result<(), CollectionError> {
        checked(to)?;
        let _order = self.changing.lock().await;
        let shelf = self.shelf(service, collection)?;
        let (id, other, until) = {
            let shelf = read(&shelf);
            let id = shelf.name_id(name).ok_or(CollectionError::UnknownName)?;
            (id, shelf.name_id(to), shelf.head.until)
        };
        match other {
            Some(other) if other == id => Ok(()),
            Some(other) => {
                let faces = read(&shelf).faces_of(id);
                for face in faces {
                    self.name_face(&shelf, collection, (face, Some(other)))
                        .await?;
                }
                write(&shelf).names.remove(&id);
                self.drop_items(collection, vec![name_item(id)], &[]).await
            }
            None => {
                let form = NameForm {
                    name: to.to_owned(),
                };
                self.put((collection, &name_item(id)), until, &form, None)
                    .await?;
                write(&shelf).names.insert(id, form.name);
                Ok(())
            }
        }
    }

    /// Says whose a face is, or that it is nobody's.
    ///
    /// # Errors
    /// [`CollectionError::UnknownFace`], [`CollectionError::UnknownName`].
    pub async fn assign(
        &self,
        service: &str,
        collection: &GalleryId,
        (face, name): (TemplateId, Option<&str>),
    ) -> Result<(), CollectionError> {
        let _order = self.changing.lock().await;
        let shelf = self.shelf(service, collection)?;
        let id = {
            let shelf = read(&shelf);
            if !shelf.faces.contains_key(&face) {
                return Err(CollectionError::UnknownFace);
            }
            match name {
                Some(name) => Some(shelf.name_id(name).ok_or(CollectionError::UnknownName)?),
                None => None,
            }
        };
        self.name_face(&shelf, collection, (face, id)).await
    }

    async fn name_face(
        &self,
        shelf: &super::Shared,
        collection: &GalleryId,
        (face, name): (TemplateId, Option<NameId>),
    ) -> Result<(), CollectionError> {
        let (form, template, until) = {
            let shelf = read(shelf);
            let held = shelf.faces.get(&face);
            let held = held.ok_or(CollectionError::UnknownFace)?;
            let mut form = held.form.clone();
            form.name = name;
            (form, copy(&held.template)?, shelf.head.until)
        };
        let item = face_item(face);
        self.put((collection, &item), until, &form, Some(&template))
            .await?;
        if let Some(held) = write(shelf).faces.get_mut(&face) {
            held.form = form;
        }
        Ok(())
    }

    /// Puts faces in; each is found from now on.
    ///
    /// # Errors
    /// [`CollectionError::Full`]; what was put in before an error stays.
    pub async fn add_faces(
        &self,
        leave: &Leave,
        new: NewFaces<'_>,
    ) -> Result<Vec<CollectedFace>, CollectionError> {
        for text in [new.name, new.external].into_iter().flatten() {
            checked(text)?;
        }
        let (service, collection) = (&leave.service, &leave.collection);
        let _order = self.changing.lock().await;
        let shelf = self.shelf(service, collection)?;
        if self.n_faces().saturating_add(new.which.len() as u64) > MAX_FACES {
            return Err(CollectionError::Full { what: "faces" });
        }
        let known = new.name.and_then(|name| read(&shelf).name_id(name));
        let name = match (new.name, known) {
            (Some(name), None) => Some(self.make_name(&shelf, collection, name).await?),
            (_, known) => known,
        };
        let picture = PictureId::random(&mut Self::rng()?);
        let mut added = Vec::with_capacity(new.which.len());
        for (at, probe) in &new.which {
            let Some(seen) = new.looked.faces.get(*at) else {
                continue;
            };
            let form = FaceForm {
                name,
                external: new.external.map(str::to_owned),
                picture: picture.as_bits(),
                tag: read(&shelf).tag_of(new.bytes),
                bbox_in_unit: new.looked.in_unit(seen),
                score: seen.face.score.get(),
                made_at: self.now(),
            };
            added.push(self.add_face(leave, &shelf, form, probe).await?);
        }
        Ok(added)
    }

    pub(super) async fn add_face(
        &self,
        leave: &Leave,
        shelf: &super::Shared,
        form: FaceForm,
        probe: &Probe,
    ) -> Result<CollectedFace, CollectionError> {
        let (template, until) = {
            let shelf = read(shelf);
            let template = shelf.gallery.transform().template(&probe.0);
            (template.ok_or(CollectionError::Damaged)?, shelf.head.until)
        };
        let id = TemplateId::random(&mut Self::rng()?);
        // First what the ledger is to say: a template that it does not know of must not be.
        let body = EntryBody::TemplateMade {
            subject: subject(PersonId::from_bits(id.as_bits())),
            template: template_subject(id),
            custody: Custody::Controller,
            number: leave.inner.key.grant().number(),
            until,
        };
        self.parts.recognizer.tell(vec![self.entry(body)]).await?;
        let place = (&leave.collection, face_item(id));
        self.put((place.0, &place.1), until, &form, Some(&template))
            .await?;
        let mut shelf = write(shelf);
        shelf.insert(id, form, template)?;
        shelf.face(id).ok_or(CollectionError::Damaged)
    }

    fn n_faces(&self) -> u64 {
        let shelves = self.shelves.read().unwrap_or_else(PoisonError::into_inner);
        let sizes = shelves.values().map(|shelf| read(shelf).faces.len() as u64);
        sizes.sum()
    }

    /// Takes faces out; none of them is found any more when this returns, and their keys are destroyed. Unknown ones are
    /// passed over; returned are those that were there.
    ///
    /// # Errors
    /// [`CollectionError::UnknownCollection`].
    pub async fn remove_faces(
        &self,
        service: &str,
        collection: &GalleryId,
        faces: &[TemplateId],
    ) -> Result<Vec<CollectedFace>, CollectionError> {
        let _order = self.changing.lock().await;
        let shelf = self.shelf(service, collection)?;
        let mut gone = Vec::new();
        {
            let mut shelf = write(&shelf);
            for id in faces {
                if let Some(face) = shelf.face(*id) {
                    shelf.remove(*id)?;
                    gone.push(face);
                }
            }
        }
        self.drop_faces(collection, &gone, Vec::new()).await?;
        Ok(gone)
    }

    /// Takes a name out with all its faces; returned are those.
    ///
    /// # Errors
    /// [`CollectionError::UnknownName`].
    pub async fn remove_name(
        &self,
        service: &str,
        collection: &GalleryId,
        name: &str,
    ) -> Result<Vec<CollectedFace>, CollectionError> {
        let _order = self.changing.lock().await;
        let shelf = self.shelf(service, collection)?;
        let (id, gone) = {
            let mut shelf = write(&shelf);
            let id = shelf.name_id(name).ok_or(CollectionError::UnknownName)?;
            let mut gone = Vec::new();
            for face in shelf.faces_of(id) {
                gone.extend(shelf.face(face));
                shelf.remove(face)?;
            }
            shelf.names.remove(&id);
            (id, gone)
        };
        let names = vec![name_item(id)];
        self.drop_faces(collection, &gone, names).await?;
        Ok(gone)
    }

    /// Takes a name out; its faces stay and are nobody's.
    ///
    /// # Errors
    /// [`CollectionError::UnknownName`].
    pub async fn release_name(
        &self,
        service: &str,
        collection: &GalleryId,
        name: &str,
    ) -> Result<(), CollectionError> {
        let _order = self.changing.lock().await;
        let shelf = self.shelf(service, collection)?;
        let (id, faces) = {
            let shelf = read(&shelf);
            let id = shelf.name_id(name).ok_or(CollectionError::UnknownName)?;
            (id, shelf.faces_of(id))
        };
        for face in faces {
            self.name_face(&shelf, collection, (face, None)).await?;
        }
        write(&shelf).names.remove(&id);
        self.drop_items(collection, vec![name_item(id)], &[]).await
    }

    async fn drop_faces(
        &self,
        collection: &GalleryId,
        gone: &[CollectedFace],
        mut items: Vec<String>,
    ) -> Result<(), CollectionError> {
        items.extend(gone.iter().map(|face| face_item(face.id)));
        let removed = gone.iter().map(|face| EntryBody::TemplateRemoved {
            subject: subject(PersonId::from_bits(face.id.as_bits())),
            template: template_subject(face.id),
        });
        let tells: Vec<LedgerEntry> = removed.map(|body| self.entry(body)).collect();
        self.drop_items(collection, items, &tells).await
    }

    async fn drop_items(
        &self,
        collection: &GalleryId,
        items: Vec<String>,
        tells: &[LedgerEntry],
    ) -> Result<(), CollectionError> {
        if items.is_empty() {
            return Ok(());
        }
        let secrets = items.iter().map(|item| secret_name(collection, item));
        let secrets: Vec<String> = secrets.collect();
        let custodian = &self.parts.custodian;
        custodian.drop_secrets(&secrets, tells).await?;
        custodian.say().await?;
        let store = &self.parts.store;
        store.remove_collected(collection, Some(&items)).await?;
        Ok(())
    }
}
