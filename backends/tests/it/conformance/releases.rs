//! The laws of releases: made once, paid from a budget.

use regard_commitments::{
    Date, Detail, Epsilon, NoisedSums, Release, ReleasedCell, Retained as _, Spending,
};

use super::*;

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn epsilon(text: &str) -> Epsilon {
    text.parse().unwrap()
}

/// With a number by which it is known again.
fn release(of: &str, detail: Detail, cost: &str, visits: u64) -> Release {
    Release {
        day: day(of),
        detail,
        at: START,
        epsilon: epsilon(cost),
        noise: Vec::new(),
        cells: vec![ReleasedCell {
            camera: "cam".parse().unwrap(),
            hour: None,
            sums: Some(NoisedSums {
                visits,
                lookers: 1,
                looks: 1,
                attention_millis: 1,
                mean_attention_millis: 1,
                dwell_millis: 1,
                mean_dwell_millis: 1,
                expressions: [0; 7],
            }),
        }],
    }
}

pub(super) async fn a_release_is_made_once(store: &dyn Store) {
    let (keeper, budget) = (Keeper::new(), epsilon("1"));
    let first = release("2027-01-15", Detail::Hours, "0.6", 1);
    let kept = keeper.until(first.clone(), later(100));
    assert_eq!(
        store.put_release(&kept, budget).await.unwrap(),
        Spending::Paid
    );
    let other = keeper.long(release("2027-01-15", Detail::Hours, "0.1", 2));
    let answer = store.put_release(&other, budget).await.unwrap();
    assert_eq!(answer, Spending::MadeBefore(Box::new(first.clone())));
    let found = store
        .release(day("2027-01-15"), Detail::Hours)
        .await
        .unwrap();
    assert_eq!(found, Some(first.clone()));
    for (of, detail) in [("2027-01-15", Detail::Day), ("2027-01-14", Detail::Hours)] {
        assert_eq!(store.release(day(of), detail).await.unwrap(), None);
    }
    let earlier = release("2027-01-09", Detail::Day, "0.4", 3);
    let coarse = release("2027-01-15", Detail::Day, "0.4", 4);
    for one in [&earlier, &coarse] {
        let answer = store.put_release(&keeper.long(one.clone()), budget).await;
        assert_eq!(answer.unwrap(), Spending::Paid);
    }
    let since = |from: &str| store.releases_since(day(from));
    assert_eq!(
        since("2027-01-10").await.unwrap(),
        [coarse.clone(), first.clone()]
    );
    assert_eq!(since("2027-01-01").await.unwrap(), [earlier, coarse, first]);
    let swept = store.sweep(later(100)).await.unwrap();
    assert_eq!(swept.removed, BTreeMap::from([(Release::KIND, 1)]));
    let gone = store.release(day("2027-01-15"), Detail::Hours).await;
    assert_eq!(gone.unwrap(), None);
}

pub(super) async fn a_budget_is_never_exceeded(store: &dyn Store) {
    let keeper = Keeper::new();
    let (first, second) = (
        keeper.long(release("2027-01-15", Detail::Day, "0.4", 1)),
        keeper.long(release("2027-01-15", Detail::Hours, "0.6", 2)),
    );
    let put = async |one, budget| store.put_release(one, epsilon(budget)).await.unwrap();
    assert_eq!(
        put(&first, "0.399999").await,
        Spending::Exceeds(Epsilon::ZERO)
    );
    assert_eq!(put(&first, "0.4").await, Spending::Paid);
    assert_eq!(
        put(&second, "0.999999").await,
        Spending::Exceeds(epsilon("0.4"))
    );
    assert_eq!(
        store.releases_since(day("2027-01-15")).await.unwrap().len(),
        1
    );
    // Another day has a budget of its own.
    let other = keeper.long(release("2027-01-16", Detail::Hours, "0.6", 3));
    assert_eq!(put(&other, "0.6").await, Spending::Paid);
    assert_eq!(put(&second, "1").await, Spending::Paid);
}
