//! The ledger for whoever wants to hold the site to it: checkpoints and tiles, as C2SP `tlog-tiles` has them.

use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use regard_backends::{LedgerRow, Store, StoreError};
use regard_commitments::{Digest, MerkleTree, TILE_WIDTH, Tile};
use tokio::sync::Mutex;

use crate::app::App;
use crate::extract::PathOf;
use crate::problem::Problem;

/// Roots of the complete tiles of leaves, the first ones, as far as they were asked for: a tile above
/// them would otherwise read 65 536 entries and more each time. Grows by 32 bytes with 256 entries.
#[derive(Debug, Default)]
pub(crate) struct TileRoots(Mutex<Vec<Digest>>);

impl TileRoots {
    /// The first `n` roots.
    async fn first(&self, n: u64, store: &dyn Store) -> Result<Vec<Digest>, StoreError> {
        // Held while reading: who comes second waits for what the first brings.
        let mut known = self.0.lock().await;
        let count = |roots: &[Digest]| u64::try_from(roots.len()).unwrap_or(u64::MAX);
        while count(&known) < n {
            let from = count(&known) * TILE_WIDTH;
            let rows = store.ledger_range(from..from + TILE_WIDTH).await?;
            known.push(root(rows.iter().map(|row| row.hash)));
        }
        let n = usize::try_from(n).unwrap_or(usize::MAX);
        Ok(known.iter().take(n).copied().collect())
    }
}

fn root(hashes: impl IntoIterator<Item = Digest>) -> Digest {
    hashes.into_iter().collect::<MerkleTree>().root()
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Self::internal("store_failed", &error)
    }
}

fn no_such_tile() -> Problem {
    Problem::not_found("no_such_tile", "the ledger has no such tile")
}

/// What never changes may be kept for ever.
fn unchanging(kind: &'static str, bytes: Vec<u8>) -> Response {
    let headers: [(HeaderName, HeaderValue); 2] = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (
            header::CACHE_CONTROL,
            HeaderValue::from_static("public, max-age=31536000, immutable"),
        ),
    ];
    (headers, bytes).into_response()
}

/// The tile of a path, if the ledger has grown that far.
async fn tile_of(app: &App, path: &str) -> Result<Tile, Problem> {
    let tile = Tile::from_path(path).map_err(|_| no_such_tile())?;
    let len = app.engine.store().ledger_len().await?;
    (tile.leaves().end <= len)
        .then_some(tile)
        .ok_or_else(no_such_tile)
}

async fn rows(app: &App, tile: Tile) -> Result<Vec<LedgerRow>, Problem> {
    Ok(app.engine.store().ledger_range(tile.leaves()).await?)
}

/// Size and root of the ledger, signed: a C2SP checkpoint. Keep it, and later hold the ledger against it.
#[utoipa::path(
    get, path = "/ledger/checkpoint", tag = "open",
    responses((status = 200, content_type = "text/plain", body = String), (status = 404, body = Problem))
)]
pub(crate) async fn checkpoint(State(app): State<App>) -> Result<Response, Problem> {
    let latest = app.engine.store().latest_checkpoint().await?;
    let latest =
        latest.ok_or_else(|| Problem::not_found("no_checkpoint", "nothing has been signed yet"))?;
    let headers: [(HeaderName, HeaderValue); 2] = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/plain; charset=utf-8"),
        ),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    Ok((headers, latest.note).into_response())
}

/// Hashes of the tree: `LEVEL/INDEX` or `LEVEL/INDEX.p/WIDTH` (C2SP tlog-tiles), 32 bytes each.
#[utoipa::path(
    get, path = "/ledger/tile/{*path}", tag = "open",
    params(("path" = String, Path, description = "Level and number of the tile")),
    responses((status = 200, content_type = "application/octet-stream", description = "The hashes"), (status = 404, body = Problem))
)]
pub(crate) async fn tile(
    State(app): State<App>,
    PathOf(path): PathOf<String>,
) -> Result<Response, Problem> {
    let tile = tile_of(&app, &path).await?;
    let hashes: Vec<Digest> = if tile.level() == 0 {
        rows(&app, tile).await?.iter().map(|row| row.hash).collect()
    } else {
        let leaves = tile.leaves();
        let roots = app
            .tile_roots
            .first(leaves.end / TILE_WIDTH, &**app.engine.store());
        let roots = roots.await?;
        let from = usize::try_from(leaves.start / TILE_WIDTH).map_err(|_| no_such_tile())?;
        let each = usize::try_from(tile.leaves_each() / TILE_WIDTH).map_err(|_| no_such_tile())?;
        let hashes = roots[from..]
            .chunks(each)
            .map(|part| root(part.iter().copied()));
        hashes.collect()
    };
    let bytes = hashes.iter().flat_map(|hash| *hash.as_bytes()).collect();
    Ok(unchanging("application/octet-stream", bytes))
}

/// Entries as they are hashed: `INDEX` or `INDEX.p/WIDTH` (C2SP tlog-tiles), each with its length before it
/// in two bytes, the more significant first. Those whose time is over are not there any more.
#[utoipa::path(
    get, path = "/ledger/tile/entries/{*path}", tag = "console",
    params(("path" = String, Path, description = "Number of the bundle")),
    responses(
        (status = 200, content_type = "application/octet-stream", description = "The entries"),
        (status = 401, body = Problem), (status = 404, body = Problem), (status = 410, body = Problem),
    )
)]
pub(crate) async fn entries(
    State(app): State<App>,
    PathOf(path): PathOf<String>,
) -> Result<Response, Problem> {
    let tile = tile_of(&app, &format!("0/{path}")).await?;
    let mut bytes = Vec::new();
    for row in rows(&app, tile).await? {
        let entry = row.bytes.ok_or_else(|| {
            let status = axum::http::StatusCode::GONE;
            Problem::new(
                status,
                "past_its_time",
                "the retention of these entries is over",
            )
            .remedy("fetch later ones; their hashes prove them all the same")
        })?;
        let len = u16::try_from(entry.len())
            .map_err(|error| Problem::internal("entry_too_long", &error))?;
        bytes.extend_from_slice(&len.to_be_bytes());
        bytes.extend_from_slice(&entry);
    }
    Ok(unchanging("application/octet-stream", bytes))
}
