//! What keeps the gallery of a configuration.

use std::net::SocketAddr;
use std::path::Path;

use rand::SeedableRng;
use rand::rngs::StdRng;
use regard_backends::{PgAddress, PgProbe, RemoteShard, ShardSecret};
use regard_engine::GalleryKind;
use regard_identity::Shard as _;

use super::Check;
use crate::config;
use crate::printable::{on_one_line, shown};

const AREA: &str = "configuration";
const NAME: &str = "gallery";

/// The configuration, and the gallery that it names.
pub(super) fn all(file: &Path) -> Vec<Check> {
    match config::load(file) {
        Ok(site) => {
            let read = Check::good(AREA, shown(file), site.summary());
            let gallery = site.gallery();
            vec![read, check(&gallery.kind, gallery.max_templates)]
        }
        Err(mistakes) => {
            let first = mistakes.first().map(ToString::to_string);
            let first = first.unwrap_or_default();
            let n = mistakes.len();
            let remedy = format!(
                "regard serve --check --config {} tells all of them",
                shown(file)
            );
            let detail = format!("{n} mistakes; the first: {first}");
            vec![Check::bad(AREA, shown(file), detail, remedy).required()]
        }
    }
}

fn check(kind: &GalleryKind, max_templates: usize) -> Check {
    let room = format!("room for {max_templates} templates");
    match kind {
        GalleryKind::Exact => {
            let detail = format!("in memory, everybody is compared; {room}");
            Check::good(AREA, NAME, detail)
        }
        GalleryKind::Neighbours { beyond } => {
            let detail = format!(
                "in memory, an index names who is compared beyond {beyond} templates; {room}"
            );
            Check::good(AREA, NAME, detail)
        }
        GalleryKind::Parts { addresses, secret } => parts(addresses, secret, &room),
        GalleryKind::Database(address) => database(address, &room),
    }
}

/// Asks each part how much it holds.
fn parts(addresses: &[SocketAddr], secret: &ShardSecret, room: &str) -> Check {
    let mut n_templates = 0;
    for address in addresses {
        let held = regard_engine::random_key()
            .map_err(|error| on_one_line(&error))
            .and_then(|seed| {
                let mut rng = StdRng::from_seed(seed);
                let shard = RemoteShard::new(*address, secret.clone(), &mut rng);
                shard.n_templates().map_err(|error| on_one_line(&error))
            });
        match held {
            Ok(n) => n_templates += n,
            Err(why) => {
                let remedy = "see that `regard gallery shard` runs there with the same secret; nobody is found while a part is \
                              missing";
                let detail = format!("the part at {address}: {why}");
                return Check::bad(AREA, NAME, detail, remedy).required();
            }
        }
    }
    let detail = format!(
        "parts on other machines that answer: {}, with {n_templates} templates; {room}",
        addresses.len()
    );
    Check::good(AREA, NAME, detail).required()
}

fn database(address: &PgAddress, room: &str) -> Check {
    let place = address.place();
    let probe = match PgProbe::ask(address) {
        Ok(probe) => probe,
        Err(error) => {
            let detail = format!("{place}: {}", on_one_line(&error));
            let remedy = "see that the database runs there, and that user and password of address_file may enter it; \
                          nobody is found without it";
            return Check::bad(AREA, NAME, detail, remedy).required();
        }
    };
    let server = format!("{place}: PostgreSQL {}", probe.server);
    match (probe.vector, probe.is_made) {
        (Some(vector), true) => {
            let detail = format!("{server} with vector {vector}; {room}");
            Check::good(AREA, NAME, detail).required()
        }
        (Some(vector), false) => {
            let detail = format!("{server} has vector {vector}, not made in this database yet");
            let remedy = "it is made at the first start where the user may; else as a superuser, once: CREATE EXTENSION \
                          vector";
            Check::missing(AREA, NAME, detail, remedy)
        }
        (None, _) => {
            let detail = format!("{server} has no extension vector");
            let remedy = "install pgvector on that machine (Debian, Ubuntu: apt install postgresql-VERSION-pgvector)";
            Check::bad(AREA, NAME, detail, remedy).required()
        }
    }
}
