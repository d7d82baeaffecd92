//! Studies and invitations to them.

use regard_backends::{InvitationRow, Invited, SealedRow, Store, StudyRow};
use regard_commitments::{ConsentPurpose, DataKind, Digest, KeySlot};
use regard_domain::{PersonId, StudyId};

use crate::fixtures::{Keeper, later};

fn id(name: &str) -> StudyId {
    StudyId::new(name).unwrap()
}

fn token(text: &str) -> Digest {
    Digest::of(&[text.as_bytes()])
}

pub(super) async fn a_study_is_kept_until_its_end(store: &dyn Store) {
    let keeper = Keeper::new();
    let row = |study: &str, plan: &str, is_open| StudyRow {
        study: id(study),
        plan: plan.to_owned(),
        is_open,
        at: later(1),
    };
    assert_eq!(store.studies().await.unwrap(), []);
    for (study, plan, end) in [("spring", "1", 50), ("autumn", "2", 60)] {
        let kept = keeper.until(row(study, plan, true), later(end));
        store.put_study(&kept).await.unwrap();
    }
    let expected = [row("autumn", "2", true), row("spring", "1", true)];
    assert_eq!(store.studies().await.unwrap(), expected);
    let closed = keeper.until(row("spring", "1", false), later(55));
    store.put_study(&closed).await.unwrap();
    assert_eq!(store.studies().await.unwrap()[1], row("spring", "1", false));
    let swept = store.sweep(later(55)).await.unwrap();
    assert_eq!(swept.removed, [(DataKind::Content, 1)].into());
    assert_eq!(store.studies().await.unwrap(), expected[..1]);
}

pub(super) async fn an_invitation_is_good_once_and_until_its_end(store: &dyn Store) {
    let keeper = Keeper::new();
    let row = |study: &str, name: &str| InvitationRow {
        token: token(name),
        study: id(study),
        at: later(1),
    };
    let kept = [
        keeper.until(row("spring", "a"), later(50)),
        keeper.until(row("spring", "b"), later(40)),
        keeper.until(row("autumn", "c"), later(50)),
    ];
    store.put_invitations(&kept).await.unwrap();
    assert_eq!(
        store.invitation(token("a"), later(2)).await.unwrap(),
        Some(id("spring"))
    );
    assert_eq!(store.invitation(token("z"), later(2)).await.unwrap(), None);
    // Of several at once one alone uses it.
    let at_once = tokio::join!(
        store.spend_invitation(token("a"), later(3)),
        store.spend_invitation(token("a"), later(3)),
        store.spend_invitation(token("a"), later(3)),
    );
    let n_good = [at_once.0, at_once.1, at_once.2]
        .into_iter()
        .filter(|one| *one.as_ref().unwrap());
    assert_eq!(n_good.count(), 1);
    assert_eq!(store.invitation(token("a"), later(4)).await.unwrap(), None);
    // Written once more it is not good again.
    store.put_invitations(&kept).await.unwrap();
    assert!(!store.spend_invitation(token("a"), later(4)).await.unwrap());
    // Over is over, before a sweep as well.
    assert_eq!(store.invitation(token("b"), later(40)).await.unwrap(), None);
    assert!(!store.spend_invitation(token("b"), later(40)).await.unwrap());
    let invited = store.invited(&id("spring")).await.unwrap();
    assert_eq!(
        invited,
        Invited {
            n_sent: 2,
            n_spent: 1
        }
    );
    assert_eq!(
        store.invited(&id("none")).await.unwrap(),
        Invited::default()
    );
    let swept = store.sweep(later(50)).await.unwrap();
    assert_eq!(swept.removed, [(DataKind::Content, 3)].into());
    assert_eq!(
        store.invited(&id("autumn")).await.unwrap(),
        Invited::default()
    );
}

pub(super) async fn what_participants_gave_is_found_by_study(store: &dyn Store) {
    let keeper = Keeper::new();
    let row = |person: u128, kind: &str, name: &str| SealedRow {
        person: PersonId::from_bits(person),
        kind: kind.to_owned(),
        name: name.to_owned(),
        slot: KeySlot::Purpose(ConsentPurpose::Research),
        at: later(1),
        body: vec![u8::try_from(person).unwrap()],
    };
    let rows = [
        row(3, "sitting", "spring"),
        row(1, "sitting", "spring"),
        row(2, "sitting", "spring"),
        row(1, "sitting", "autumn"),
        row(1, "receipt", "spring"),
    ];
    let kept: Vec<_> = rows
        .iter()
        .map(|row| keeper.until(row.clone(), later(50)))
        .collect();
    store.put_sealed(&kept).await.unwrap();
    let [three, one, two, ..] = rows;
    let found = |after: Option<u128>, limit| {
        store.sealed_named("sitting", "spring", after.map(PersonId::from_bits), limit)
    };
    assert_eq!(
        found(None, 9).await.unwrap(),
        [one.clone(), two.clone(), three.clone()]
    );
    assert_eq!(found(None, 1).await.unwrap(), [one]);
    assert_eq!(found(Some(1), 9).await.unwrap(), [two, three]);
    assert_eq!(
        store
            .sealed_named("sitting", "winter", None, 9)
            .await
            .unwrap(),
        []
    );
}
