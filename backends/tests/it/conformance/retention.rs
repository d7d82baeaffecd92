//! The laws of retention: what ends when, and what outlives it.

use super::*;

pub(super) async fn totals_outlive_their_decisions(store: &dyn Store) {
    let keeper = Keeper::new();
    let mut batch = Batch::new();
    for (id, campaign, end) in [(1, "x", 10), (2, "x", 20), (3, "y", 10), (4, "", 20)] {
        let row = DecisionRow(decision(id, START, campaign, "a"));
        batch.decision(keeper.until(row, later(end)));
    }
    store.commit(&batch).await.unwrap();
    store.commit(&batch).await.unwrap();
    let totals = |pairs: &[(&str, u64)]| -> BTreeMap<_, _> {
        pairs
            .iter()
            .map(|(c, n)| (c.parse().unwrap(), *n))
            .collect()
    };
    assert_eq!(
        store.campaign_totals().await.unwrap(),
        totals(&[("x", 2), ("y", 1)])
    );
    store.sweep(later(10)).await.unwrap();
    assert_eq!(store.campaign_totals().await.unwrap(), totals(&[("x", 2)]));
    store.sweep(later(20)).await.unwrap();
    assert_eq!(store.campaign_totals().await.unwrap(), totals(&[]));
}

pub(super) async fn a_budget_in_force_is_not_renewed_by_retention(store: &dyn Store) {
    let keeper = Keeper::new();
    let in_force = |campaign: &str, end| {
        let campaign = campaign.parse().unwrap();
        keeper.until(CampaignInForce { campaign }, later(end))
    };
    let mut batch = Batch::new();
    for (id, campaign) in [(1, "long"), (2, "long"), (3, "gone")] {
        let row = DecisionRow(decision(id, START, campaign, "a"));
        batch.decision(keeper.until(row, later(10)));
    }
    // In the same batch as its decisions; a campaign that never played leaves nothing.
    batch
        .campaign(in_force("long", 100))
        .campaign(in_force("idle", 100));
    let report = store.commit(&batch).await.unwrap();
    assert_eq!(report.written, 4);
    batch.clear();
    // A shorter word later does not take the longer one back.
    batch.campaign(in_force("long", 50));
    assert_eq!(store.commit(&batch).await.unwrap().written, 0);
    let expected = BTreeMap::from([("long".parse().unwrap(), 2)]);
    for now in [10, 50, 99] {
        store.sweep(later(now)).await.unwrap();
        assert_eq!(store.decisions(9, None).await.unwrap(), []);
        assert_eq!(store.campaign_totals().await.unwrap(), expected, "at {now}");
    }
    batch.clear();
    batch.campaign(in_force("long", 200));
    assert_eq!(store.commit(&batch).await.unwrap().written, 1);
    store.sweep(later(199)).await.unwrap();
    assert_eq!(store.campaign_totals().await.unwrap(), expected);
    let report = store.sweep(later(200)).await.unwrap();
    assert_eq!(report.removed, [(DataKind::Content, 1)].into());
    assert_eq!(store.campaign_totals().await.unwrap(), BTreeMap::new());
}

pub(super) async fn nothing_outlives_its_retention(store: &dyn Store) {
    let keeper = Keeper::new();
    let seed = 3;
    println!("seed {seed}");
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    // More than two of the chunks in which a sweep goes.
    let ends: Vec<u64> = (0..1_300).map(|_| rng.random_range(1..100)).collect();
    let mut batch = Batch::new();
    for (number, end) in (0_u128..).zip(&ends) {
        batch.append(&mut one_of_each(&keeper, number, later(*end)));
    }
    store.commit(&batch).await.unwrap();
    for (index, end) in (0..20).zip(&ends) {
        let kept = keeper.until(leaf(index), later(*end));
        store.append_ledger(&[kept]).await.unwrap();
    }
    store
        .put_setting(&keeper.until(setting("token", "x"), later(50)))
        .await
        .unwrap();
    store
        .put_document(&keeper.until(document("campaigns", "x"), later(50)))
        .await
        .unwrap();
    for now in [0, 1, 49, 50, 98, 99, 500] {
        store.sweep(later(now)).await.unwrap();
        let live = |number: u128| ends[usize::try_from(number).unwrap()] > now;
        let n_live = ends.iter().filter(|end| **end > now).count();
        let decisions = store.decisions(u32::MAX, None).await.unwrap();
        assert!(decisions.iter().all(|d| live(d.id.as_bits())));
        let plays = store.plays_since(None, START).await.unwrap();
        assert!(plays.iter().all(|p| live(p.start.id.as_bits())));
        let report = store.creative_report(always()).await.unwrap();
        let outcomes: u64 = report
            .iter()
            .flat_map(|line| &line.outcomes)
            .map(|(_, sums)| sums.n)
            .sum();
        let counts = [
            decisions.len(),
            plays.len(),
            usize::try_from(outcomes).unwrap(),
            store.policies().await.unwrap().len(),
            store.minutes(always()).await.unwrap().len(),
            store.facts().await.unwrap().len(),
        ];
        assert_eq!(counts, [n_live; 6], "at {now}");
        assert_eq!(store.setting("token").await.unwrap().is_some(), now < 50);
        let document = store.document("campaigns").await.unwrap();
        assert_eq!(document.is_some(), now < 50);
        for row in store.ledger_range(0..20).await.unwrap() {
            assert_eq!(row.bytes.is_some(), live(row.index.into()));
            assert_eq!(row.hash, leaf(row.index).hash);
        }
        assert_eq!(store.ledger_len().await.unwrap(), 20);
        assert_eq!(store.sweep(later(now)).await.unwrap().total(), 0);
    }
}

pub(super) async fn a_shorter_end_counts(store: &dyn Store) {
    let keeper = Keeper::new();
    let mut batch = Batch::new();
    for (id, start, end) in [(1, 10, 90), (2, 90, 10), (3, 90, 90)] {
        let made = decision(id, START, "", "a");
        batch
            .play_start(keeper.until(play_of(&made), later(start)))
            .play_end(keeper.until(end_of(id, later(1), 1), later(end)));
    }
    store.commit(&batch).await.unwrap();
    let report = store.sweep(later(10)).await.unwrap();
    assert_eq!(report.removed, [(DataKind::Play, 2)].into());
    assert!(report.is_wiped);
    let left = store.plays_since(None, START).await.unwrap();
    assert_eq!(
        left.iter()
            .map(|p| p.start.id.as_bits())
            .collect::<Vec<_>>(),
        [3]
    );
}
