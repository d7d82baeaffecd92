//! Who has which rows: ids, merges, and who is known to be two people.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use hashbrown::HashTable;
use regard_domain::{PersonId, PictureId, TemplateId};

use super::rows::Slot;
use super::{GalleryError, MAX_TEMPLATES_PER_PERSON, Merge};

/// A person as enrolled, before merges; by number, because there may be millions.
type OwnerNo = u32;

/// No owner, no slot.
const NONE: u32 = u32::MAX;

struct Owner {
    person: PersonId,
    first: Slot,
    n_slots: u32,
}

/// The ids of a gallery: about 80 bytes for each person of one template.
///
/// Merges make a forest: each merge hangs one root under another, so that taking it off again leaves what was there
/// before. An owner without rows lives on while it has a place in the forest; a tree without rows is gone.
#[derive(Default)]
pub(super) struct Roster {
    templates: Vec<TemplateId>,
    owner_of: Vec<OwnerNo>,
    /// The next slot of the same owner.
    next: Vec<Slot>,
    by_template: HashTable<Slot>,
    owners: Vec<Owner>,
    vacant_owners: Vec<OwnerNo>,
    by_person: HashTable<OwnerNo>,
    parents: BTreeMap<OwnerNo, OwnerNo>,
    children: BTreeMap<OwnerNo, BTreeSet<OwnerNo>>,
    frozen: BTreeSet<OwnerNo>,
    n_frozen_groups: u64,
    pictures: HashMap<PictureId, Vec<Slot>>,
    picture_of: HashMap<Slot, PictureId>,
    /// Those known to be two people; both ways round.
    strangers: BTreeSet<(OwnerNo, OwnerNo)>,
}

/// Ids are random, so their bits spread by themselves; small ones, as tests make them, are helped by a product.
///
/// # Source
/// The multiplier is 2^64 divided by the golden ratio (Knuth, volume 3, 6.4).
fn hash(bits: u128) -> u64 {
    ((bits >> 64) as u64 ^ bits as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

impl Roster {
    pub(super) fn n_templates(&self) -> u64 {
        self.by_template.len() as u64
    }

    /// Groups of merged owners, each counted once.
    pub(super) fn n_persons(&self) -> u64 {
        (self.by_person.len() - self.parents.len()) as u64
    }

    /// Those of them that searches see.
    pub(super) const fn n_frozen(&self) -> u64 {
        self.n_frozen_groups
    }

    /// Bytes held for ids, beside what rare things take (merges, pictures).
    pub(super) fn n_bytes(&self) -> usize {
        self.templates.capacity() * size_of::<TemplateId>()
            + (self.owner_of.capacity() + self.next.capacity()) * size_of::<u32>()
            + self.owners.capacity() * size_of::<Owner>()
            + self.by_template.allocation_size()
            + self.by_person.allocation_size()
    }

    fn owner(&self, person: PersonId) -> Option<OwnerNo> {
        let is_it = |no: &OwnerNo| self.owners[*no as usize].person == person;
        self.by_person.find(hash(person.as_bits()), is_it).copied()
    }

    pub(super) fn slot_of(&self, template: TemplateId) -> Option<Slot> {
        let is_it = |slot: &Slot| self.templates[*slot as usize] == template;
        self.by_template
            .find(hash(template.as_bits()), is_it)
            .copied()
    }

    fn root(&self, mut owner: OwnerNo) -> OwnerNo {
        while let Some(parent) = self.parents.get(&owner) {
            owner = *parent;
        }
        owner
    }

    /// All owners that answer as this root, itself first.
    fn group(&self, root: OwnerNo) -> Vec<OwnerNo> {
        let mut group = vec![root];
        let mut at = 0;
        while let Some(owner) = group.get(at) {
            group.extend(self.children.get(owner).into_iter().flatten());
            at += 1;
        }
        group
    }

    fn own_slots(&self, owner: OwnerNo) -> impl Iterator<Item = Slot> {
        let mut slot = self.owners[owner as usize].first;
        std::iter::from_fn(move || {
            let found = (slot != NONE).then_some(slot)?;
            slot = self.next[found as usize];
            Some(found)
        })
    }

    fn group_slots(&self, root: OwnerNo) -> Vec<Slot> {
        let group = self.group(root);
        group.iter().flat_map(|o| self.own_slots(*o)).collect()
    }

    fn n_group_slots(&self, root: OwnerNo) -> usize {
        let counts = self.group(root).into_iter();
        counts
            .map(|o| self.owners[o as usize].n_slots as usize)
            .sum()
    }

    fn is_group_frozen(&self, root: OwnerNo) -> bool {
        !self.frozen.is_empty() && self.group(root).iter().any(|o| self.frozen.contains(o))
    }

    fn count_frozen(&mut self) {
        let roots: BTreeSet<OwnerNo> = self.frozen.iter().map(|o| self.root(*o)).collect();
        self.n_frozen_groups = roots.len() as u64;
    }

    /// The person that the row at a slot answers as, and its template.
    pub(super) fn answer_at(&self, slot: Slot) -> Option<(PersonId, TemplateId)> {
        let owner = *self.owner_of.get(slot as usize)?;
        if owner == NONE {
            return None;
        }
        let root = self.root(owner);
        let person = self.owners[root as usize].person;
        Some((person, self.templates[slot as usize]))
    }

    /// The slots of a person, of the whole group where ids were merged, and whether they are frozen.
    pub(super) fn slots_of(&self, person: PersonId) -> Option<(Vec<Slot>, bool)> {
        let root = self.root(self.owner(person)?);
        Some((self.group_slots(root), self.is_group_frozen(root)))
    }

    /// The ids of a person's templates, in order.
    pub(super) fn templates_of(&self, person: PersonId) -> Vec<TemplateId> {
        let slots = self.slots_of(person).map(|(slots, _)| slots);
        let slots = slots.unwrap_or_default().into_iter();
        let mut ids: Vec<TemplateId> = slots.map(|s| self.templates[s as usize]).collect();
        ids.sort_unstable();
        ids
    }

    /// All rows with their slots.
    pub(super) fn slots(&self) -> impl Iterator<Item = Slot> {
        let owners = self.owner_of.iter().enumerate();
        owners
            .filter(|(_, owner)| **owner != NONE)
            .map(|(slot, _)| slot as Slot)
    }

    /// Whether a template of that picture may become this person's.
    pub(super) fn check(
        &self,
        template: TemplateId,
        person: PersonId,
        picture: Option<PictureId>,
    ) -> Result<(), GalleryError> {
        if self.slot_of(template).is_some() {
            return Err(GalleryError::TemplateExists);
        }
        let Some(owner) = self.owner(person) else {
            return Ok(());
        };
        let root = self.root(owner);
        if self.n_group_slots(root) >= MAX_TEMPLATES_PER_PERSON {
            return Err(GalleryError::TooManyTemplates);
        }
        let others = picture.and_then(|p| self.pictures.get(&p));
        let is_own = |slot: &Slot| self.root(self.owner_of[*slot as usize]) == root;
        if others.into_iter().flatten().any(is_own) {
            return Err(GalleryError::CannotLink);
        }
        Ok(())
    }

    /// Takes in a template that was checked, at a vacant slot; whether searches are to pass it over.
    pub(super) fn admit(
        &mut self,
        slot: Slot,
        template: TemplateId,
        person: PersonId,
        picture: Option<PictureId>,
    ) -> bool {
        let at = slot as usize;
        if self.templates.len() <= at {
            self.templates.resize(at + 1, TemplateId::from_bits(0));
            self.owner_of.resize(at + 1, NONE);
            self.next.resize(at + 1, NONE);
        }
        let owner = self.owner(person).unwrap_or_else(|| self.settle(person));
        let record = &mut self.owners[owner as usize];
        self.templates[at] = template;
        self.owner_of[at] = owner;
        self.next[at] = std::mem::replace(&mut record.first, slot);
        record.n_slots += 1;
        let templates = &self.templates;
        self.by_template
            .insert_unique(hash(template.as_bits()), slot, |s| {
                hash(templates[*s as usize].as_bits())
            });
        if let Some(picture) = picture {
            self.pictures.entry(picture).or_default().push(slot);
            self.picture_of.insert(slot, picture);
        }
        self.is_group_frozen(self.root(owner))
    }

    fn settle(&mut self, person: PersonId) -> OwnerNo {
        let record = Owner {
            person,
            first: NONE,
            n_slots: 0,
        };
        let owner = match self.vacant_owners.pop() {
            Some(owner) => {
                self.owners[owner as usize] = record;
                owner
            }
            None => {
                self.owners.push(record);
                u32::try_from(self.owners.len() - 1).expect("fewer persons than templates")
            }
        };
        let owners = &self.owners;
        self.by_person
            .insert_unique(hash(person.as_bits()), owner, |o| {
                hash(owners[*o as usize].person.as_bits())
            });
        owner
    }

    /// Forgets one template; its slot, which is vacant now.
    pub(super) fn remove_template(&mut self, template: TemplateId) -> Option<Slot> {
        let slot = self.slot_of(template)?;
        let owner = self.owner_of[slot as usize];
        self.unhook(slot);
        let root = self.root(owner);
        if self.n_group_slots(root) == 0 {
            self.dissolve(root);
        } else {
            self.drop_if_idle(owner);
        }
        Some(slot)
    }

    /// Forgets a person and all ids merged with theirs; their slots, which are vacant now.
    pub(super) fn remove_person(&mut self, person: PersonId) -> Vec<Slot> {
        let Some(owner) = self.owner(person) else {
            return Vec::new();
        };
        let root = self.root(owner);
        let slots = self.group_slots(root);
        for slot in &slots {
            self.unhook(*slot);
        }
        self.dissolve(root);
        slots
    }

    /// Takes a row out of everything that knows its slot.
    fn unhook(&mut self, slot: Slot) {
        let at = slot as usize;
        let owner = std::mem::replace(&mut self.owner_of[at], NONE);
        let record = &mut self.owners[owner as usize];
        record.n_slots -= 1;
        if record.first == slot {
            record.first = self.next[at];
        } else {
            let mut before = record.first;
            while self.next[before as usize] != slot {
                before = self.next[before as usize];
            }
            self.next[before as usize] = self.next[at];
        }
        let template = std::mem::replace(&mut self.templates[at], TemplateId::from_bits(0));
        let entry = self
            .by_template
            .find_entry(hash(template.as_bits()), |s| *s == slot);
        if let Ok(entry) = entry {
            entry.remove();
        }
        if let Some(picture) = self.picture_of.remove(&slot)
            && let Some(slots) = self.pictures.get_mut(&picture)
        {
            slots.retain(|s| *s != slot);
            if slots.is_empty() {
                self.pictures.remove(&picture);
            }
        }
    }

    /// Drops all owners of a group that has no rows left.
    fn dissolve(&mut self, root: OwnerNo) {
        for owner in self.group(root) {
            self.parents.remove(&owner);
            self.children.remove(&owner);
            self.drop_owner(owner);
        }
    }

    /// Drops an owner without rows and without a place in the forest.
    fn drop_if_idle(&mut self, owner: OwnerNo) {
        let is_idle = self.owners[owner as usize].n_slots == 0
            && !self.parents.contains_key(&owner)
            && !self.children.contains_key(&owner);
        if is_idle {
            self.drop_owner(owner);
        }
    }

    fn drop_owner(&mut self, owner: OwnerNo) {
        let person = self.owners[owner as usize].person;
        let entry = self
            .by_person
            .find_entry(hash(person.as_bits()), |o| *o == owner);
        if let Ok(entry) = entry {
            entry.remove();
        }
        self.owners[owner as usize].person = PersonId::from_bits(0);
        self.vacant_owners.push(owner);
        if self.frozen.remove(&owner) {
            self.count_frozen();
        }
        let known: Vec<OwnerNo> = self
            .strangers
            .range((owner, 0)..=(owner, u32::MAX))
            .map(|(_, other)| *other)
            .collect();
        for other in known {
            self.strangers.remove(&(owner, other));
            self.strangers.remove(&(other, owner));
        }
    }

    fn known(&self, person: PersonId) -> Result<OwnerNo, GalleryError> {
        self.owner(person).ok_or(GalleryError::UnknownPerson)
    }

    /// Hangs the group of `from` under that of `into`.
    pub(super) fn merge(&mut self, from: PersonId, into: PersonId) -> Result<Merge, GalleryError> {
        let from = self.root(self.known(from)?);
        let into = self.root(self.known(into)?);
        if from == into {
            return Err(GalleryError::NoSuchMerge);
        }
        if self.n_group_slots(from) + self.n_group_slots(into) > MAX_TEMPLATES_PER_PERSON {
            return Err(GalleryError::TooManyTemplates);
        }
        if self.are_strangers(from, into) {
            return Err(GalleryError::CannotLink);
        }
        self.parents.insert(from, into);
        self.children.entry(into).or_default().insert(from);
        self.count_frozen();
        Ok(Merge {
            from: self.owners[from as usize].person,
            into: self.owners[into as usize].person,
        })
    }

    fn are_strangers(&self, a: OwnerNo, b: OwnerNo) -> bool {
        let (a_group, b_group) = (self.group(a), self.group(b));
        let told = a_group
            .iter()
            .any(|x| b_group.iter().any(|y| self.strangers.contains(&(*x, *y))));
        let pictured = || {
            let pictures = |root: OwnerNo| -> BTreeSet<PictureId> {
                let slots = self.group_slots(root).into_iter();
                slots
                    .filter_map(|s| self.picture_of.get(&s).copied())
                    .collect()
            };
            !pictures(a).is_disjoint(&pictures(b))
        };
        told || pictured()
    }

    /// Takes a merge off again.
    pub(super) fn undo_merge(&mut self, merge: Merge) -> Result<(), GalleryError> {
        let from = self.owner(merge.from).ok_or(GalleryError::NoSuchMerge)?;
        let into = self.owner(merge.into).ok_or(GalleryError::NoSuchMerge)?;
        if self.parents.get(&from) != Some(&into) {
            return Err(GalleryError::NoSuchMerge);
        }
        self.parents.remove(&from);
        if let Some(children) = self.children.get_mut(&into) {
            children.remove(&from);
            if children.is_empty() {
                self.children.remove(&into);
            }
        }
        let into = self.root(into);
        for root in [from, into] {
            if self.n_group_slots(root) == 0 {
                self.dissolve(root);
            }
        }
        self.count_frozen();
        Ok(())
    }

    pub(super) fn forbid_link(&mut self, a: PersonId, b: PersonId) -> Result<(), GalleryError> {
        let (a, b) = (self.known(a)?, self.known(b)?);
        if self.root(a) == self.root(b) {
            return Err(GalleryError::NoSuchMerge);
        }
        self.strangers.insert((a, b));
        self.strangers.insert((b, a));
        Ok(())
    }

    pub(super) fn set_frozen(
        &mut self,
        person: PersonId,
        is_frozen: bool,
    ) -> Result<(), GalleryError> {
        let root = self.root(self.known(person)?);
        for owner in self.group(root) {
            if is_frozen {
                self.frozen.insert(owner);
            } else {
                self.frozen.remove(&owner);
            }
        }
        self.count_frozen();
        Ok(())
    }
}
