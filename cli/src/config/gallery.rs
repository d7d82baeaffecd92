//! `[recognition.gallery]`: what keeps those who may be found, and how they are looked for.

use std::path::{Path as FilePath, PathBuf};

use regard_backends::PgAddress;
use regard_engine::{GalleryConfig, GalleryKind, HAS_GALLERY_INDEX, INDEX_BEYOND};
use serde::Deserialize;

use super::connectors::secret;
use super::form::number_in_range;

/// What keeps a gallery.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    /// Memory; everybody is compared.
    #[default]
    Exact,
    /// Memory; beyond some size an index of neighbours names who is compared.
    Hnsw,
    /// A PostgreSQL database with the extension `vector`.
    Pgvector,
}

number_in_range! {
    /// A number of templates.
    Templates: 1 to 100_000_000;
}

/// `[recognition.gallery]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct GalleryForm {
    /// What keeps it; left out: memory, and everybody is compared.
    kind: Kind,
    /// Most templates in it; left out: a million.
    max_templates: Option<Templates>,
    /// With `hnsw`: beyond so many templates the index is asked; left out: two million.
    index_beyond: Option<Templates>,
    /// With `pgvector`: a file whose first line is the address of the database.
    address_file: Option<PathBuf>,
}

/// How the gallery is kept; mistakes go to `tell`, each with its path.
pub(super) fn read(
    form: &GalleryForm,
    folder: &FilePath,
    tell: &mut dyn FnMut(&str, String),
) -> GalleryConfig {
    let default = GalleryConfig::default();
    if form.index_beyond.is_some() && form.kind != Kind::Hnsw {
        let message = "expected it beside kind = \"hnsw\" alone; write that, or leave this out";
        tell("recognition.gallery.index_beyond", message.to_owned());
    }
    if form.address_file.is_some() && form.kind != Kind::Pgvector {
        let message = "expected it beside kind = \"pgvector\" alone; write that, or leave this out";
        tell("recognition.gallery.address_file", message.to_owned());
    }
    let kind = match form.kind {
        Kind::Exact => GalleryKind::Exact,
        Kind::Hnsw => {
            if !HAS_GALLERY_INDEX {
                let message = "this program was built without an index of neighbours; build it with `--features \
                               hnsw`, or write kind = \"exact\": everybody is compared then";
                tell("recognition.gallery.kind", message.to_owned());
            }
            let beyond = form.index_beyond.map_or(INDEX_BEYOND, |n| n.0 as usize);
            GalleryKind::Neighbours { beyond }
        }
        // Whatever stands for one that was told of is not used.
        Kind::Pgvector => {
            database(form, folder, tell).map_or(GalleryKind::Exact, GalleryKind::Database)
        }
    };
    GalleryConfig {
        max_templates: form
            .max_templates
            .map_or(default.max_templates, |n| n.0 as usize),
        kind,
    }
}

fn database(
    form: &GalleryForm,
    folder: &FilePath,
    tell: &mut dyn FnMut(&str, String),
) -> Option<PgAddress> {
    let Some(file) = &form.address_file else {
        let message = "\"address_file\" is missing: kind = \"pgvector\" needs a file whose first line is the \
                       address of the database, postgres://USER:PASSWORD@HOST/DATABASE";
        tell("recognition.gallery", message.to_owned());
        return None;
    };
    let text = secret(file, folder);
    let address = text.and_then(|text| {
        text.parse::<PgAddress>()
            .map_err(|error| format!("{}: {error}", folder.join(file).display()))
    });
    address
        .map_err(|why| tell("recognition.gallery.address_file", why))
        .ok()
}
