//! `[recognition.gallery]`: what keeps those who may be found, and how they are looked for.

use std::net::SocketAddr;
use std::path::{Path as FilePath, PathBuf};

use regard_backends::{PgAddress, ShardSecret};
use regard_engine::{GalleryConfig, GalleryKind, HAS_GALLERY_INDEX, INDEX_BEYOND};
use serde::Deserialize;

use super::connectors::own_secret;
use super::form::{from_text, number_in_range};

/// What keeps a gallery.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    /// Memory; everybody is compared.
    #[default]
    Exact,
    /// Memory; beyond some size an index of neighbours names who is compared.
    Hnsw,
    /// The memory of other machines, each with a part.
    Shards,
    /// A PostgreSQL database with the extension `vector`.
    Pgvector,
}

from_text! {
    /// Where a part is.
    PartAddress(SocketAddr) = |text| text.parse().map_err(|_| {
        format!("expected a numeric address and port, such as \"10.0.0.7:8790\", found {text:?}")
    });
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
    /// With `shards`: where the parts are.
    shards: Vec<PartAddress>,
    /// With `shards`: a file whose first line is the secret that they share.
    secret_file: Option<PathBuf>,
    /// With `pgvector`: a file whose first line is the address of the database.
    address_file: Option<PathBuf>,
}

/// The secret that an installation and the parts of its gallery share, from the first line of a file that its owner alone may read.
pub(crate) fn shard_secret(file: &FilePath) -> Result<ShardSecret, String> {
    let text = own_secret(file, FilePath::new(""))?;
    let bytes = regard_engine::from_hex(&text).ok_or_else(|| {
        format!(
            "expected 64 hexadecimal digits, as openssl rand -hex 32 makes them, found something else at {}",
            file.display()
        )
    })?;
    Ok(ShardSecret::new(bytes))
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
    if (form.secret_file.is_some() || !form.shards.is_empty()) && form.kind != Kind::Shards {
        let message = "expected shards and secret_file beside kind = \"shards\" alone; write that, or leave them out";
        tell("recognition.gallery", message.to_owned());
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
        Kind::Shards => parts(form, folder, tell).unwrap_or_default(),
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

fn parts(
    form: &GalleryForm,
    folder: &FilePath,
    tell: &mut dyn FnMut(&str, String),
) -> Option<GalleryKind> {
    let (Some(file), false) = (&form.secret_file, form.shards.is_empty()) else {
        let message = "kind = \"shards\" needs shards = [\"10.0.0.7:8790\", …], where regard gallery shard runs, and secret_file, \
                       the secret that they share";
        tell("recognition.gallery", message.to_owned());
        return None;
    };
    let addresses: Vec<SocketAddr> = form.shards.iter().map(|part| part.0).collect();
    for (i, address) in addresses.iter().enumerate() {
        if addresses.iter().take(i).any(|before| before == address) {
            let message = format!(
                "expected each part once, found {address} again: whoever is in it would count twice"
            );
            tell(&format!("recognition.gallery.shards[{i}]"), message);
        }
    }
    let secret = shard_secret(&folder.join(file))
        .map_err(|why| tell("recognition.gallery.secret_file", why))
        .ok()?;
    Some(GalleryKind::Parts { addresses, secret })
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
    let text = own_secret(file, folder);
    let address = text.and_then(|text| {
        text.parse::<PgAddress>()
            .map_err(|error| format!("{}: {error}", folder.join(file).display()))
    });
    address
        .map_err(|why| tell("recognition.gallery.address_file", why))
        .ok()
}
