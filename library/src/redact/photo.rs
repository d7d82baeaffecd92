//! Photographs.

use regard_domain::BBox;
use regard_vision::{Photo, Picture, Veil, cover, encode_photo, with_margin};

use super::keep::{Keeper, likenesses};
use super::{RedactError, Redacted, Redactor};
use crate::find_me::Likeness;
use crate::follow::{Sighting, crop_area};

impl Redactor {
    /// Covers the faces of a photograph but that of whoever agreed; the bytes of a file of the same format (an icon becomes a PNG),
    /// upright, with pixels and nothing else in it.
    ///
    /// # Privacy
    /// What is given back holds no EXIF, no place, no thumbnail and no film: those show what pixels no longer do.
    ///
    /// # Errors
    /// [`RedactError`]; then there is nothing.
    pub fn photo(
        &mut self,
        bytes: &[u8],
        keeper: Option<&mut dyn Keeper>,
    ) -> Result<(Vec<u8>, Redacted), RedactError> {
        let photo = Photo::from_bytes(bytes)?;
        let format = photo.format();
        let mut picture = photo.into_picture();
        let done = self.picture(&mut picture, keeper)?;
        Ok((encode_photo(picture.view(), format)?, done))
    }

    /// Covers the faces of a single picture in place.
    ///
    /// # Errors
    /// [`RedactError`]; the picture is to be thrown away then.
    pub fn picture(
        &mut self,
        picture: &mut Picture,
        keeper: Option<&mut dyn Keeper>,
    ) -> Result<Redacted, RedactError> {
        let found = self.finder.find(picture.view())?;
        let theirs = match keeper {
            Some(keeper) => theirs(picture, &found, keeper)?,
            None => vec![false; found.len()],
        };
        let kept = found.iter().zip(&theirs).filter(|(_, theirs)| **theirs);
        let shown: Vec<BBox> = kept.map(|(sighting, _)| sighting.bbox).collect();
        let others = found.iter().zip(&theirs).filter(|(_, theirs)| !**theirs);
        let areas: Vec<BBox> = others
            .map(|(sighting, _)| with_margin(&sighting.bbox, self.options.margin))
            .collect();
        let veils: Vec<Veil> = areas
            .iter()
            .map(|area| Veil::of(picture.view(), area, &mut self.rng))
            .collect();
        let covers: Vec<(BBox, &Veil)> = areas.iter().copied().zip(&veils).collect();
        cover(picture, &covers, self.options.style);
        Ok(Redacted {
            n_frames: 1,
            n_covered: areas.len() as u64,
            n_kept: shown.len() as u64,
            n_found_again: self.look_again(picture, &shown)?,
            n_damaged: 0,
        })
    }
}

/// Which faces are surely those of whoever agreed.
fn theirs(
    picture: &Picture,
    found: &[Sighting],
    keeper: &mut dyn Keeper,
) -> Result<Vec<bool>, RedactError> {
    let crops: Vec<Option<Picture>> = found
        .iter()
        .map(|sighting| picture.view().crop(&crop_area(sighting)))
        .collect();
    let there: Vec<&Picture> = crops.iter().flatten().collect();
    let mut likenesses = likenesses(keeper, &there)?.into_iter();
    let theirs = crops.iter().map(|crop| {
        let likeness = crop.as_ref().and_then(|_| likenesses.next().flatten());
        likeness == Some(Likeness::Found)
    });
    Ok(theirs.collect())
}
