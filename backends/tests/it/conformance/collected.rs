//! What services hold in collections.

use regard_backends::{CollectedRow, Store};
use regard_commitments::DataKind;
use regard_domain::GalleryId;

use crate::fixtures::{Keeper, later};

pub(super) async fn what_services_hold_is_kept_by_collection(store: &dyn Store) {
    let keeper = Keeper::new();
    let id = |name: &str| GalleryId::new(name).unwrap();
    let row = |collection: &str, item: &str, body: &str| CollectedRow {
        collection: id(collection),
        item: item.to_owned(),
        at: later(1),
        body: body.as_bytes().to_vec(),
    };
    let rows = [
        row("b", "head", "1"),
        row("a", "head", "2"),
        row("a", "face/1", "3"),
        row("a", "face/2", "4"),
    ];
    let kept: Vec<_> = rows
        .iter()
        .map(|row| keeper.until(row.clone(), later(50)))
        .collect();
    store.put_collected(&kept).await.unwrap();
    let [b, a, one, two] = rows;
    let all = || store.collected(None, 9);
    let in_order = [one.clone(), two.clone(), a.clone(), b.clone()];
    assert_eq!(all().await.unwrap(), in_order);
    assert_eq!(store.collected(None, 2).await.unwrap(), in_order[..2]);
    let after = store.collected(Some((&id("a"), "face/2")), 9).await;
    assert_eq!(after.unwrap(), in_order[2..]);
    // The same place takes the newer, with its end.
    let newer = row("a", "face/2", "newer");
    let kept = keeper.until(newer.clone(), later(99));
    store.put_collected(&[kept]).await.unwrap();
    assert_eq!(all().await.unwrap()[1], newer);
    let items = ["face/1".to_owned(), "face/9".to_owned()];
    let gone = async |items| store.remove_collected(&id("a"), items).await.unwrap();
    assert_eq!(gone(Some(&items)).await, 1);
    assert_eq!(gone(Some(&items)).await, 0);
    let swept = store.sweep(later(50)).await.unwrap();
    assert_eq!(swept.removed[&DataKind::Person], 2);
    assert_eq!(all().await.unwrap(), [newer]);
    assert_eq!((gone(None).await, gone(None).await), (1, 0));
}
