//! One person who shows their token, looked for by an installation that runs.

use std::path::Path;

use anyhow::{Context, Result, bail};
use regard_domain::{BBox, Point};
use regard_identity::Similarity;
use regard_library::{Bounds, CompareFault, Comparer, Keeper};
use serde_json::{Value, json};

use crate::args::RemoteArgs;
use crate::remote::{Asker, Remote, secret_in};

/// Most bytes of pictures that are sent together: below what the installation takes, with room for the form.
const MAX_BATCH_BYTES: usize = 15 << 20;

/// Most pictures that are sent together: a slow machine answers within the patience for an answer.
const MAX_BATCH_LEN: usize = 4;

/// A search that goes on; ended when dropped.
pub(crate) struct PersonSearch {
    remote: Remote,
    search: String,
}

/// A face, and how near it is to that of the person.
pub(crate) struct SeenFace {
    pub(crate) bbox: BBox,
    pub(crate) similarity: Option<Similarity>,
}

impl PersonSearch {
    /// Begins to look for whoever's token is in one of the files.
    ///
    /// # Errors
    /// The refusal of the installation, in its words; `untargeted_collection` without a token, before anything is asked.
    pub(crate) fn begin(
        remote: &RemoteArgs,
        face_token: Option<&Path>,
        person_token: Option<&Path>,
    ) -> Result<Self> {
        let wish = match (face_token, person_token) {
            (Some(file), _) => json!({"face_token": secret_in(file)?}),
            (None, Some(file)) => json!({"person_token": secret_in(file)?}),
            (None, None) => bail!(
                "refused: nobody is looked for without a token of their own (untargeted_collection); \
                 have the person enrol, agree to analyse_library, and hand over their face token: --face-token FILE"
            ),
        };
        let remote = Remote::new(remote)?;
        let begun = remote.send(Asker::Site, ("POST", "/v1/searches"), &wish)?;
        let search = begun["search"].as_str();
        let search = search
            .context("the answer has no search; is this an installation of regard?")?
            .to_owned();
        Ok(Self { remote, search })
    }

    /// The faces of each picture, the bytes of a file each.
    pub(crate) fn look(&self, pictures: &[&[u8]]) -> Result<Vec<Vec<SeenFace>>> {
        let mut all = Vec::with_capacity(pictures.len());
        let mut rest = pictures;
        while !rest.is_empty() {
            let mut n_bytes = 0;
            let n = rest
                .iter()
                .take(MAX_BATCH_LEN)
                .take_while(|bytes| {
                    n_bytes += bytes.len();
                    n_bytes <= MAX_BATCH_BYTES
                })
                .count()
                .max(1);
            let (now, later) = rest.split_at(n);
            all.extend(self.send(now)?);
            rest = later;
        }
        Ok(all)
    }

    fn send(&self, pictures: &[&[u8]]) -> Result<Vec<Vec<SeenFace>>> {
        let path = format!("/v1/searches/{}/pictures", self.search);
        let (kind, body) = form(pictures);
        let answer = self
            .remote
            .ask(Asker::Site, ("POST", &path), (&kind, body))?;
        let seen = answer["pictures"]
            .as_array()
            .context("the answer has no pictures")?;
        let faces = seen.iter().map(|picture| {
            let faces = picture["faces"].as_array();
            let faces = faces.map_or(&[][..], Vec::as_slice);
            faces.iter().filter_map(seen_face).collect()
        });
        Ok(faces.collect())
    }
}

impl Drop for PersonSearch {
    fn drop(&mut self) {
        let path = format!("/v1/searches/{}", self.search);
        // Where it cannot be ended it ends by itself.
        let _ = self
            .remote
            .ask(Asker::Site, ("DELETE", &path), ("", Vec::new()));
    }
}

fn seen_face(face: &Value) -> Option<SeenFace> {
    let number = |name: &str| face[name].as_f64().map(|value| value as f32);
    let bbox = BBox::new(
        number("left")?,
        number("top")?,
        number("width")?,
        number("height")?,
    )?;
    Some(SeenFace {
        bbox,
        similarity: number("similarity").and_then(Similarity::new),
    })
}

/// The pictures as a form.
fn form(pictures: &[&[u8]]) -> (String, Vec<u8>) {
    let is_in = |boundary: &str| {
        let boundary = boundary.as_bytes();
        pictures.iter().any(|bytes| {
            bytes
                .windows(boundary.len())
                .any(|window| window == boundary)
        })
    };
    let boundary = (0_u64..)
        .map(|number| format!("regard-picture-{number:016x}"))
        .find(|boundary| !is_in(boundary))
        .expect("no picture holds all numbers");
    let mut body = Vec::new();
    for bytes in pictures {
        body.extend_from_slice(
            format!(
                "--{boundary}\r\nContent-Disposition: form-data; name=\"picture\"; filename=\"picture\"\r\n\r\n"
            )
            .as_bytes(),
        );
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    (format!("multipart/form-data; boundary={boundary}"), body)
}

/// How near faces are to that of the person, as an installation that runs compares them.
pub(crate) struct SiteComparer<'a>(pub(crate) &'a PersonSearch);

impl Comparer for SiteComparer<'_> {
    fn similarities(&mut self, crops: &[Vec<u8>]) -> Result<Vec<Option<Similarity>>, CompareFault> {
        let crops: Vec<&[u8]> = crops.iter().map(Vec::as_slice).collect();
        let seen = self.0.look(&crops);
        let seen = seen.map_err(|error| CompareFault::Asked(error.into()))?;
        let middles = crops.iter().map(|crop| middle_of(crop));
        Ok(seen
            .iter()
            .zip(middles)
            .map(|(faces, middle)| in_the_middle(faces, middle?))
            .collect())
    }
}

/// Whose face stays to be seen, as an installation that runs compares it.
pub(crate) struct SiteKeeper {
    search: PersonSearch,
    bounds: Bounds,
}

impl SiteKeeper {
    pub(crate) fn new(search: PersonSearch, bounds: Bounds) -> Self {
        Self { search, bounds }
    }
}

impl Comparer for SiteKeeper {
    fn similarities(&mut self, crops: &[Vec<u8>]) -> Result<Vec<Option<Similarity>>, CompareFault> {
        SiteComparer(&self.search).similarities(crops)
    }
}

impl Keeper for SiteKeeper {
    fn bounds(&self) -> Bounds {
        self.bounds
    }
}

/// The middle of a picture of ours.
fn middle_of(jpeg: &[u8]) -> Option<Point> {
    let size = regard_vision::Photo::reduced(jpeg, |_| 1).ok()?.size_taken;
    Some(Point::new(
        size.width as f32 / 2.0,
        size.height as f32 / 2.0,
    ))
}

/// The similarity of the face that a crop was cut out for: the one over its middle, and of several the nearest to it.
fn in_the_middle(faces: &[SeenFace], middle: Point) -> Option<Similarity> {
    let holds = |bbox: &BBox| {
        (bbox.left()..=bbox.right()).contains(&middle.x)
            && (bbox.top()..=bbox.bottom()).contains(&middle.y)
    };
    let nearest = faces
        .iter()
        .filter(|face| holds(&face.bbox))
        .min_by(|a, b| {
            let far = |face: &SeenFace| face.bbox.center().distance(middle);
            far(a).total_cmp(&far(b))
        })?;
    nearest.similarity
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_face_that_a_crop_is_about_is_the_one_in_its_middle() {
        let face = |left: f32, side: f32, similarity: f32| SeenFace {
            bbox: BBox::new(left, 10.0, side, side).unwrap(),
            similarity: Similarity::new(similarity),
        };
        let faces = [face(60.0, 40.0, 0.9), face(20.0, 30.0, 0.1)];
        let middle = Point::new(30.0, 30.0);
        let found = in_the_middle(&faces, middle).unwrap();
        assert_eq!(found.get(), 0.1);
        assert!(in_the_middle(&faces[..1], middle).is_none());
    }

    #[test]
    fn a_form_has_a_boundary_that_no_picture_holds() {
        let tricky = b"--regard-picture-0000000000000000".as_slice();
        let (kind, body) = form(&[tricky, b"\xff\xd8"]);
        assert!(kind.ends_with("regard-picture-0000000000000001"), "{kind}");
        assert!(body.ends_with(b"--regard-picture-0000000000000001--\r\n"));
    }
}
