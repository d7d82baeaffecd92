use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn key(number: u8) -> [u8; 32] {
    [number; 32]
}

async fn open(path: &Path, max_bytes: u64) -> (SqliteCache, CacheState) {
    SqliteCache::open(path, max_bytes).await.unwrap()
}

#[tokio::test]
async fn what_was_committed_is_there_again_and_what_was_not_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cache");
    let (mut cache, state) = open(&path, 1 << 20).await;
    assert_eq!(state, CacheState::New);
    assert_eq!(cache.get(&key(1)).await.unwrap(), None);
    cache.put(&key(1), b"one").await.unwrap();
    cache.put(&key(1), b"the first").await.unwrap();
    cache.commit().await.unwrap();
    cache.put(&key(2), b"two").await.unwrap();
    let two = cache.get(&key(2)).await.unwrap().unwrap();
    assert_eq!(two.bytes, b"two");
    assert!(!two.is_from_before);
    // Ended before it was committed, as by a kill.
    drop(cache);
    let (mut cache, state) = open(&path, 1 << 20).await;
    assert_eq!(state, CacheState::Found(1));
    // However often it is asked for, and until it is put in again.
    for _ in 0..2 {
        let first = cache.get(&key(1)).await.unwrap().unwrap();
        assert_eq!(first.bytes, b"the first");
        assert!(first.is_from_before);
    }
    cache.put(&key(1), b"another").await.unwrap();
    let another = cache.get(&key(1)).await.unwrap().unwrap();
    assert_eq!(another.bytes, b"another");
    assert!(!another.is_from_before);
    assert_eq!(cache.get(&key(2)).await.unwrap(), None);
    cache.close().await.unwrap();
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn another_process_may_not_use_it_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cache");
    let (cache, _) = open(&path, 1 << 20).await;
    let second = SqliteCache::open(&path, 1 << 20).await;
    assert!(matches!(second, Err(OpenError::InUse { .. })));
    cache.close().await.unwrap();
    open(&path, 1 << 20).await.0.close().await.unwrap();
}

#[tokio::test]
async fn what_is_not_ours_is_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text");
    let words =
        b"somebody's notes, which are longer than a header of a hundred bytes, and which nobody \
        wants to lose to a program that was told the wrong name of a file";
    std::fs::write(&text, words).unwrap();
    let other = folder.path().join("other.db");
    let pool = SqlitePoolOptions::new()
        .connect_with(options(&other).create_if_missing(true))
        .await
        .unwrap();
    sqlx::raw_sql("CREATE TABLE songs (name TEXT)")
        .execute(&pool)
        .await
        .unwrap();
    pool.close().await;
    for path in [text, other] {
        let before = std::fs::read(&path).unwrap();
        let opened = SqliteCache::open(&path, 1 << 20).await;
        assert!(
            matches!(opened, Err(OpenError::Foreign { .. })),
            "{opened:?}"
        );
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }
}

/// A cache of two hundred values, a dozen a page, closed.
async fn filled(path: &Path) {
    let (mut cache, _) = open(path, 1 << 20).await;
    for number in 0..200 {
        cache.put(&key(number), &[number; 300]).await.unwrap();
    }
    cache.close().await.unwrap();
}

#[tokio::test]
async fn a_damaged_one_is_told_and_begun_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cache");
    filled(&path).await;
    let file = File::options().write(true).open(&path).unwrap();
    file.set_len(9_000).unwrap();
    let (mut cache, state) = open(&path, 1 << 20).await;
    let CacheState::Rebuilt(reason) = state else {
        panic!("{state:?}");
    };
    assert!(reason.contains("malformed"), "{reason}");
    assert_eq!(cache.get(&key(1)).await.unwrap(), None);
    cache.put(&key(1), b"again").await.unwrap();
    cache.close().await.unwrap();
    assert_eq!(open(&path, 1 << 20).await.1, CacheState::Found(1));
}

/// Wherever pages are damaged: it is told while it is opened or used, and helped; what comes out unnoticed is for the sum of
/// whoever put it in to find.
#[tokio::test]
async fn damage_that_shows_only_in_use_is_helped_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cache");
    filled(&path).await;
    let whole = std::fs::read(&path).unwrap();
    let n_pages = whole.len() / 4_096;
    let mut n_told = 0;
    for page in 1..n_pages {
        let mut bytes = whole.clone();
        bytes[page * 4_096..(page + 1) * 4_096].fill(0xA5);
        std::fs::write(&path, bytes).unwrap();
        let (mut cache, state) = open(&path, 1 << 20).await;
        n_told += u32::from(matches!(state, CacheState::Rebuilt(_)));
        for number in 0..200 {
            match cache.get(&key(number)).await {
                Ok(None | Some(_)) => {}
                Err(StoreError::Corrupt { .. }) => {
                    n_told += 1;
                    cache = cache.rebuild().await.unwrap();
                    break;
                }
                Err(error) => panic!("page {page}: {error:?}"),
            }
        }
        cache.put(&key(250), b"goes on").await.unwrap();
        cache.commit().await.unwrap();
        let put = cache.get(&key(250)).await.unwrap().unwrap();
        assert_eq!(put.bytes, b"goes on");
        // Waited for: what is closed writes once more.
        cache.close().await.unwrap();
    }
    assert!(n_told > 3, "{n_told} of {n_pages} told");
}

#[tokio::test]
async fn the_file_stays_within_its_lid() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cache");
    let lid = 200_000;
    let (mut cache, _) = open(&path, lid).await;
    for round in 0..400_u32 {
        let mut key = [0; 32];
        key[..4].copy_from_slice(&round.to_le_bytes());
        cache.put(&key, &[1; 3_000]).await.unwrap();
    }
    let too_large = vec![0; 200_000];
    cache.put(&key(255), &too_large).await.unwrap();
    assert_eq!(cache.get(&key(255)).await.unwrap(), None);
    cache.close().await.unwrap();
    let len = std::fs::metadata(&path).unwrap().len();
    assert!(len < 2 * lid, "{len}");
    // A lower lid is kept from the opening on, and the room given back.
    let (cache, state) = open(&path, 50_000).await;
    assert!(matches!(state, CacheState::Found(n) if n > 20), "{state:?}");
    cache.close().await.unwrap();
    let len = std::fs::metadata(&path).unwrap().len();
    assert!(len < 100_000, "{len}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Beside a map that holds everything: what is found is what was put last, and what is gone was not used for longer than
    /// anything that stays.
    #[test]
    fn what_was_used_last_stays(rounds in proptest::collection::vec(
        proptest::collection::vec((0_u8..12, any::<bool>()), 1..20), 1..6,
    )) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("cache");
            // Room for five.
            let lid = 5 * (1_000 + BYTES_BESIDE);
            let mut used: BTreeMap<u8, usize> = BTreeMap::new();
            let mut last: BTreeMap<u8, u8> = BTreeMap::new();
            for (round, acts) in rounds.iter().enumerate() {
                let (mut cache, _) = open(&path, lid).await;
                for (at, (number, is_put)) in acts.iter().enumerate() {
                    if *is_put {
                        let value = (round * 20 + at) as u8;
                        cache.put(&key(*number), &[value; 1_000]).await.unwrap();
                        last.insert(*number, value);
                        used.insert(*number, round);
                    } else if let Some(value) = cache.get(&key(*number)).await.unwrap() {
                        assert_eq!(value.bytes, [last[number]; 1_000]);
                        used.insert(*number, round);
                    }
                }
                let mut there = Vec::new();
                for number in last.keys() {
                    let found: Option<i64> = sqlx::query_scalar("SELECT used FROM entries WHERE key = ?")
                        .bind(key(*number).as_slice())
                        .fetch_optional(&mut cache.connection)
                        .await
                        .unwrap();
                    there.extend(found.map(|_| *number));
                }
                assert!(there.len() == last.len().min(5), "{there:?} of {last:?}");
                let oldest = there.iter().map(|number| used[number]).min().unwrap_or(0);
                for (number, round) in &used {
                    assert!(there.contains(number) || *round <= oldest, "{number} went before its time");
                }
                cache.close().await.unwrap();
            }
        });
    }
}
