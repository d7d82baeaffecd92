//! The statistician on real files, a virtual clock, and a ledger that is written.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use regard_backends::{Batch, MinuteAggregate, SqliteOptions, SqliteStore, Store};
use regard_commitments::{
    Answer, Commitments, Date, Detail, Digest, EntryBody, Epsilon, LedgerEntry, NoteSigner,
    Profile, RefusalCode, Release, RetentionGate, Statistic, VisitSums, ledger_origin,
};
use regard_domain::{CameraId, Clock as _, Timestamp};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::{Statistician, StatisticsError, StatisticsParts};
use crate::backup::{back_up, restore};
use crate::calendar::Calendar;
use crate::chronicle::{Chronicle, ChronicleState, Said};
use crate::command::{Command, command_queue};
use crate::custody::tests::crashing::{CrashingStore, Faults, Moment};
use crate::custody::tests::world::{VirtualClock, data, signed, site_key, site_keys};
use crate::custody::{Scribe, SiteKeyFile};
use crate::keys::{KEY_FILE, write_new};

const DAY: Duration = Duration::from_secs(86_400);

/// Its clock begins at midnight, 2026-06-01; this is the day before.
const YESTERDAY: &str = "2026-05-31";

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn epsilon(text: &str) -> Epsilon {
    text.parse().unwrap()
}

/// One run of the program, as far as statistics go.
struct Run {
    statistician: Arc<Statistician>,
    store: Arc<dyn Store>,
    retention: RetentionGate,
    chronicle: JoinHandle<()>,
    _heard: std::sync::mpsc::Receiver<Command>,
}

/// Nothing when it died while it began.
async fn begin_with(
    folder: &Path,
    clock: &Arc<VirtualClock>,
    granted: &str,
    faults: &Arc<Faults>,
) -> Option<Run> {
    let data = data(folder);
    let store = SqliteStore::open(&data, SqliteOptions::default())
        .await
        .unwrap();
    let store: Arc<dyn Store> = Arc::new(CrashingStore {
        inner: Arc::new(store),
        faults: Arc::clone(faults),
    });
    let (document, keys) = (Commitments::demo(), site_keys());
    let profile = Profile::named(&document.profile).unwrap();
    let retention = RetentionGate::new(&signed(&document), &profile).unwrap();
    if let Answer::Granted(kept) =
        retention.keep(document.sign(&keys.commitments_key()), clock.now())
    {
        store.put_commitments(document.version, &kept).await.ok()?;
    }
    let signer = NoteSigner::new(ledger_origin(&document.site.id), keys.ledger_key()).unwrap();
    let chronicle = Chronicle::open(Arc::clone(&store), signer, retention.clone());
    let chronicle = chronicle.await.ok()?;
    let (lines, ends) = mpsc::unbounded_channel();
    let parts = StatisticsParts {
        store: Arc::clone(&store),
        retention: retention.clone(),
        calendar: Calendar::new(Some("UTC")).unwrap(),
        clock: Arc::clone(clock) as _,
        cameras: ["door", "hall"]
            .map(|id| CameraId::new(id).unwrap())
            .to_vec(),
        granted: epsilon(granted),
        scribe: Scribe::new(lines, chronicle.verifier()),
    };
    // It has been there for a month.
    let mut said = chronicle.said().clone();
    said.began_at = Some(Timestamp::from_micros(
        clock.now().as_micros() - 30 * 86_400_000_000,
    ));
    let statistician = Arc::new(Statistician::new(parts, &said));
    let (commands, heard) = command_queue();
    let state = Arc::new(ChronicleState::default());
    let chronicle = tokio::spawn(chronicle.run(ends, state, commands, Arc::clone(clock) as _));
    faults.takes_along(chronicle.abort_handle());
    Some(Run {
        statistician,
        store,
        retention,
        chronicle,
        _heard: heard,
    })
}

async fn begin(folder: &Path, clock: &Arc<VirtualClock>, granted: &str) -> Run {
    let begun = begin_with(folder, clock, granted, &Faults::new(None)).await;
    begun.unwrap()
}

impl Run {
    async fn end(self) {
        self.statistician.stop();
        // Aborted when the files died.
        let _ = self.chronicle.await;
        self.store.close().await;
    }

    /// Visits at a camera in the minute that begins so many minutes after midnight of the day before.
    async fn came(&self, clock: &VirtualClock, camera: &str, minute: u32, visits: u64) {
        let yesterday = clock.now().as_micros() - 86_400_000_000;
        let minute = Timestamp::from_micros(yesterday + i64::from(minute) * 60_000_000);
        let row = MinuteAggregate {
            observed_millis: 60_000,
            visits: VisitSums {
                visits,
                ..VisitSums::default()
            },
            ..MinuteAggregate::empty(CameraId::new(camera).unwrap(), minute, 1)
        };
        let Answer::Granted(kept) = self.retention.keep(row, clock.now()) else {
            panic!("the demonstration keeps minutes");
        };
        self.store.commit(Batch::new().minute(kept)).await.unwrap();
    }

    async fn yesterday(&self, detail: Detail) -> Result<Release, StatisticsError> {
        self.statistician.release(day(YESTERDAY), detail).await
    }

    async fn spent(&self) -> Epsilon {
        let rows = self.store.releases_since(day(YESTERDAY)).await.unwrap();
        Release::spent(&rows)
    }

    /// What the ledger says was released.
    async fn said(&self) -> Vec<(Detail, Digest)> {
        let rows = self.store.ledger_range(0..u64::MAX).await.unwrap();
        let entries = rows.iter().filter_map(|row| row.bytes.as_ref());
        let entries = entries.map(|bytes| LedgerEntry::from_leaf_bytes(bytes).unwrap());
        entries
            .filter_map(|entry| match entry.body {
                EntryBody::Released {
                    detail, release, ..
                } => Some((detail, release)),
                _ => None,
            })
            .collect()
    }
}

/// The clock when yesterday is due.
fn due() -> Arc<VirtualClock> {
    let clock = VirtualClock::new();
    clock.wait(Duration::from_secs(600));
    clock
}

fn refused(answer: Result<Release, StatisticsError>) -> regard_commitments::Refusal {
    match answer {
        Err(StatisticsError::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn privacy_budget_spent() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), due());
    let run = begin(folder.path(), &clock, "0.5").await;
    run.yesterday(Detail::Day).await.unwrap();
    let refusal = refused(run.yesterday(Detail::Hours).await);
    assert_eq!(refusal.code, RefusalCode::PrivacyBudgetSpent);
    assert_eq!(refusal.article, "GDPR 5(1)(c), 25");
    assert_eq!(
        refusal.reason,
        "0.4 of the 0.5 that may be told about 2026-05-31 is spent, and \"hours\" costs 0.6"
    );
    assert!(refusal.remedy.contains("epsilon_per_day"), "{refusal}");
    assert_eq!(run.spent().await, epsilon("0.4"));
    assert_eq!(run.said().await.len(), 1);
    let budget = run.statistician.budget().await.unwrap().unwrap();
    assert_eq!(
        (budget.spent, budget.granted),
        (epsilon("0.4"), epsilon("0.5"))
    );
    // What was told stays readable, and another day has its own budget.
    run.yesterday(Detail::Day).await.unwrap();
    clock.wait(DAY);
    let budget = run.statistician.budget().await.unwrap().unwrap();
    assert_eq!(
        (budget.day, budget.spent),
        (day("2026-06-01"), Epsilon::ZERO)
    );
    let next = run.statistician.release(day("2026-06-01"), Detail::Day);
    next.await.unwrap();
    run.end().await;
}

#[tokio::test]
async fn a_budget_of_nothing_tells_nothing() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), due());
    let run = begin(folder.path(), &clock, "0").await;
    for detail in Detail::ALL {
        let refusal = refused(run.yesterday(detail).await);
        assert_eq!(refusal.code, RefusalCode::PrivacyBudgetSpent);
    }
    assert!(run.said().await.is_empty());
    run.end().await;
}

#[tokio::test]
async fn the_second_reading_is_free_and_identical() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), due());
    let run = begin(folder.path(), &clock, "0.6").await;
    run.came(&clock, "door", 60, 40).await;
    let first = run.yesterday(Detail::Hours).await.unwrap();
    // More that came to be known later changes nothing that was told.
    run.came(&clock, "door", 61, 1_000_000).await;
    assert_eq!(run.yesterday(Detail::Hours).await.unwrap(), first);
    run.end().await;
    let run = begin(folder.path(), &clock, "0.6").await;
    assert_eq!(run.yesterday(Detail::Hours).await.unwrap(), first);
    // Also when it is too long ago to be made, and when nothing is granted any more.
    clock.wait(DAY * 30);
    assert_eq!(run.yesterday(Detail::Hours).await.unwrap(), first);
    assert_eq!(run.spent().await, epsilon("0.6"));
    assert_eq!(run.said().await.len(), 1);
    run.end().await;
    let run = begin(folder.path(), &clock, "0").await;
    assert_eq!(run.yesterday(Detail::Hours).await.unwrap(), first);
    run.end().await;
}

#[tokio::test]
async fn many_at_once_never_spend_more_than_the_budget() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), due());
    let run = begin(folder.path(), &clock, "0.9").await;
    // Two that know nothing of each other, as if the turn of one were no guard: the store is.
    let other = Statistician::new(
        StatisticsParts {
            store: Arc::clone(&run.store),
            retention: run.retention.clone(),
            calendar: Calendar::new(Some("UTC")).unwrap(),
            clock: Arc::clone(&clock) as _,
            cameras: vec![CameraId::new("door").unwrap()],
            granted: epsilon("0.9"),
            scribe: Scribe::new(
                mpsc::unbounded_channel().0,
                NoteSigner::new(
                    ledger_origin(&Commitments::demo().site.id),
                    site_keys().ledger_key(),
                )
                .unwrap()
                .verifier(),
            ),
        },
        &Said::since(Some(Timestamp::from_micros(0))),
    );
    let other = Arc::new(other);
    let tasks: Vec<_> = (0..16)
        .map(|i| {
            let one = if i % 2 == 0 {
                &run.statistician
            } else {
                &other
            };
            let (one, detail) = (Arc::clone(one), Detail::ALL[i / 2 % 2]);
            tokio::spawn(async move { (detail, one.release(day(YESTERDAY), detail).await) })
        })
        .collect();
    let mut told: Vec<Release> = Vec::new();
    for task in tasks {
        match task.await.unwrap() {
            (_, Ok(release)) => told.push(release),
            (_, Err(StatisticsError::Refused(refusal))) => {
                assert_eq!(refusal.code, RefusalCode::PrivacyBudgetSpent);
            }
            // Nobody reads the lines of the other one.
            (_, Err(StatisticsError::Unrecorded)) => {}
            (_, Err(error)) => panic!("{error:?}"),
        }
    }
    let rows = run.store.releases_since(day(YESTERDAY)).await.unwrap();
    assert_eq!(rows.len(), 1, "there is room for either and not for both");
    assert!(told.iter().all(|release| *release == rows[0]));
    assert!(run.spent().await <= epsilon("0.9"));
    run.end().await;
}

/// Dies at one write of making both releases, begins again, and looks. Whether it died at all.
async fn die_and_look(number: u32, moment: Moment) -> bool {
    let (folder, clock) = (tempfile::tempdir().unwrap(), due());
    let faults = Faults::new(Some((number, moment)));
    let mut told = Vec::new();
    if let Some(run) = begin_with(folder.path(), &clock, "1", &faults).await {
        for detail in Detail::ALL {
            if let Ok(release) = run.yesterday(detail).await {
                told.push(release);
            }
        }
        run.end().await;
    }
    let place = format!("{number} {moment:?}");
    let run = begin(folder.path(), &clock, "1").await;
    // What was shown was paid and recorded before.
    let said = run.said().await;
    for release in &told {
        assert!(
            said.iter().any(|(detail, _)| *detail == release.detail),
            "{place}"
        );
    }
    let mut again = Vec::new();
    for detail in Detail::ALL {
        again.push(run.yesterday(detail).await.unwrap());
    }
    for release in &told {
        assert!(again.contains(release), "{place}: told otherwise before");
    }
    assert_eq!(run.spent().await, epsilon("1"), "{place}");
    // Nothing was ever said of another release than the one that is there.
    for (detail, digest) in run.said().await {
        let one = again
            .iter()
            .find(|release| release.detail == detail)
            .unwrap();
        let text = regard_commitments::canonical_json(one).unwrap();
        assert_eq!(Digest::of(&[text.as_bytes()]), digest, "{place}");
    }
    run.end().await;
    faults.is_dead()
}

#[tokio::test]
async fn wherever_the_program_dies_nothing_is_spent_twice() {
    let mut n_deaths = 0;
    for number in 0.. {
        let mut died = false;
        for moment in [Moment::Before, Moment::After] {
            died |= die_and_look(number, moment).await;
        }
        if !died {
            break;
        }
        n_deaths += 1;
    }
    // The commitments, and of each release the row and its line in the ledger.
    assert!(n_deaths >= 5, "{n_deaths}");
}

#[tokio::test]
async fn a_day_is_told_when_it_is_over_and_not_much_later() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), VirtualClock::new());
    let run = begin(folder.path(), &clock, "1").await;
    let from = clock.now().plus(Duration::from_secs(600));
    let early = run.yesterday(Detail::Day).await;
    assert!(
        matches!(early, Err(StatisticsError::NotYet { from: f, .. }) if f == from),
        "{early:?}"
    );
    let today = run
        .statistician
        .release(day("2026-06-01"), Detail::Day)
        .await;
    assert!(matches!(today, Err(StatisticsError::NotYet { .. })));
    clock.wait(DAY * 7 + Duration::from_secs(1));
    let late = run.yesterday(Detail::Day).await;
    assert!(
        matches!(late, Err(StatisticsError::NeverReleased { .. })),
        "{late:?}"
    );
    assert!(run.said().await.is_empty());
    run.end().await;
}

#[tokio::test]
async fn nothing_is_told_about_days_before_the_site_began() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), due());
    let run = begin(folder.path(), &clock, "1").await;
    let began = |began_at| {
        Statistician::new(
            StatisticsParts {
                store: Arc::clone(&run.store),
                retention: run.retention.clone(),
                calendar: Calendar::new(Some("UTC")).unwrap(),
                clock: Arc::clone(&clock) as _,
                cameras: Vec::new(),
                granted: epsilon("1"),
                scribe: run.statistician.parts.scribe.another(),
            },
            &Said::since(began_at),
        )
    };
    let midnight = Timestamp::from_micros(clock.now().as_micros() - 600_000_000);
    for since in [None, Some(midnight)] {
        let early = began(since).release(day(YESTERDAY), Detail::Day).await;
        assert!(
            matches!(early, Err(StatisticsError::NeverReleased { .. })),
            "{early:?}"
        );
    }
    let last_minute = Timestamp::from_micros(midnight.as_micros() - 1);
    let there = began(Some(last_minute));
    there.release(day(YESTERDAY), Detail::Day).await.unwrap();
    there.stop();
    drop(there);
    run.end().await;
}

#[tokio::test]
async fn every_cell_is_there_whether_or_not_anyone_came() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), due());
    let run = begin(folder.path(), &clock, "1").await;
    let place = |cells: &[regard_commitments::ReleasedCell]| -> Vec<(String, Option<u8>)> {
        let cells = cells.iter();
        cells
            .map(|cell| (cell.camera.to_string(), cell.hour))
            .collect()
    };
    let nobody = run.yesterday(Detail::Hours).await.unwrap();
    let expected: Vec<_> = ["door", "hall"]
        .into_iter()
        .flat_map(|camera| (0..24).map(move |hour| (camera.to_owned(), Some(hour))))
        .collect();
    assert_eq!(place(&nobody.cells), expected);
    clock.wait(DAY);
    // The clock stands ten minutes after midnight: five in the morning of the day before.
    run.came(&clock, "door", 5 * 60, 1_000).await;
    // A camera that the site has no longer.
    run.came(&clock, "gone", 5 * 60, 1_000).await;
    let next = run.statistician.release(day("2026-06-01"), Detail::Hours);
    let next = next.await.unwrap();
    assert_eq!(place(&next.cells), expected);
    let busy = next.cells[5].sums.as_ref().unwrap();
    // Scale 1/0.15: noise beyond 200 comes once in 10¹³ draws.
    assert!(busy.visits.abs_diff(1_000) <= 200, "{busy:?}");
    let told: u64 = next
        .cells
        .iter()
        .flat_map(|cell| &cell.sums)
        .map(|sums| sums.visits)
        .sum();
    assert!(told < 2_000 + 47 * 200, "{told}");
    let whole = run.statistician.release(day("2026-06-01"), Detail::Day);
    let whole = whole.await.unwrap();
    assert_eq!(
        place(&whole.cells),
        [("door".to_owned(), None), ("hall".to_owned(), None)]
    );
    assert_eq!(whole.noise.len(), Statistic::ALL.len());
    run.end().await;
}

#[tokio::test]
async fn a_day_on_which_the_clock_is_put_back_has_25_hours() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), due());
    let run = begin(folder.path(), &clock, "1").await;
    let paris = Calendar::new(Some("Europe/Paris")).unwrap();
    for (of, n_hours) in [("2026-10-25", 25), ("2026-03-29", 23)] {
        let span = paris.span_of(day(of)).unwrap();
        let cells = run.statistician.cells(&span, Detail::Hours).await.unwrap();
        assert_eq!(cells.len(), 2 * n_hours, "{of}");
    }
    run.end().await;
}

#[tokio::test]
async fn yesterday_is_made_by_itself_and_only_once() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), due());
    let run = begin(folder.path(), &clock, "0.5").await;
    let (end, ends) = watch::channel(false);
    let task = tokio::spawn(Arc::clone(&run.statistician).keep_releasing(ends));
    let made = async {
        while run.said().await.is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), made)
        .await
        .unwrap();
    end.send_replace(true);
    task.await.unwrap();
    // Hours would cost more than is left.
    assert_eq!(run.spent().await, epsilon("0.4"));
    assert_eq!(
        run.statistician
            .released_since(day("2026-01-01"))
            .await
            .unwrap()
            .len(),
        1
    );
    let released = run.statistician.released(day(YESTERDAY), Detail::Day);
    assert!(released.await.unwrap().is_some());
    run.end().await;
}

#[tokio::test]
async fn a_backup_does_not_bring_the_budget_back() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), due());
    let key =
        || SiteKeyFile::open_or_create(&site_key(folder.path()), &data(folder.path())).unwrap();
    let run = begin(folder.path(), &clock, "1").await;
    write_new(&data(folder.path()).join(KEY_FILE), &site_keys().seed()).unwrap();
    let file = folder.path().join("old.backup");
    back_up(&data(folder.path()), &key(), &file).await.unwrap();
    let told = run.yesterday(Detail::Day).await.unwrap();
    run.end().await;
    clock.wait(Duration::from_secs(60));
    restore(&file, &data(folder.path()), &key(), clock.now())
        .await
        .unwrap();
    let run = begin(folder.path(), &clock, "1").await;
    // What was told is still there; what was not could have been, on the disk that was lost.
    assert_eq!(run.yesterday(Detail::Day).await.unwrap(), told);
    let refusal = refused(run.yesterday(Detail::Hours).await);
    assert_eq!(refusal.code, RefusalCode::PrivacyBudgetSpent);
    assert!(
        refusal.reason.contains("a backup was put back"),
        "{refusal}"
    );
    clock.wait(DAY);
    let next = run.statistician.release(day("2026-06-01"), Detail::Hours);
    next.await.unwrap();
    run.end().await;
}
