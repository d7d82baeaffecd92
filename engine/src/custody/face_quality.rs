//! How good the pictures were that a face was enrolled with, kept beside the template and for as long.
//!
//! Where the person holds the template themselves, nothing of the kind stays: a figure about their face is the site's no more
//! than the face.

use std::collections::BTreeMap;

use regard_backends::SealedRow;
use regard_commitments::{ConsentPurpose, DataKey, KeySlot, Zeroizing};
use regard_domain::{PersonId, TemplateId};
use serde::{Deserialize, Serialize};

use super::faces::{FACE_PURPOSES, named, read_row, row_name};
use super::{Custodian, CustodyError, Opened};

/// Kind of such figures among what is sealed under the key of a purpose.
pub(super) const QUALITY_KIND: &str = "face_quality";

/// How good the pictures of a face were when it was enrolled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaceQualityNote {
    /// From 0 to 100, greater is better: the worst component of the worst picture.
    pub overall: u8,
    /// That component: `size`, `pose`, `occlusion`, `light`, `uniformity`, `sharpness` or `single_face`.
    pub weakest: String,
}

impl Custodian {
    /// The figure of a template, sealed as the template is.
    pub(super) fn sealed_quality(
        &self,
        key: &DataKey,
        (person, purpose): (PersonId, ConsentPurpose),
        template: TemplateId,
        note: &FaceQualityNote,
    ) -> Result<SealedRow, CustodyError> {
        let text = Zeroizing::new(serde_json::to_vec(note).map_err(|_| CustodyError::Damaged)?);
        let slot = (person, KeySlot::Purpose(purpose));
        let name = row_name(template, purpose);
        self.sealed(key, slot, (QUALITY_KIND, &name), &text)
    }

    /// The figures of templates among what is sealed of a person, as far as the site can open them alone.
    pub(super) async fn qualities_in(
        &self,
        rows: &[SealedRow],
        opened: &Opened,
    ) -> Result<BTreeMap<TemplateId, FaceQualityNote>, CustodyError> {
        let mut all = BTreeMap::new();
        for purpose in FACE_PURPOSES {
            let slot = KeySlot::Purpose(purpose);
            let is_meant = |row: &&SealedRow| row.kind == QUALITY_KIND && row.slot == slot;
            let meant: Vec<&SealedRow> = rows.iter().filter(is_meant).collect();
            if meant.is_empty() {
                continue;
            }
            let Some(key) = self.site_held_key(opened, purpose).await? else {
                continue;
            };
            for row in meant {
                let (template, _) = named(&row.name).ok_or(CustodyError::Damaged)?;
                all.insert(template, read_row(&key, row)?);
            }
        }
        Ok(all)
    }
}
