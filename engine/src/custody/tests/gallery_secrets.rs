//! The secret under which the gallery of the site lies, made anew and wrapped anew.

use regard_commitments::{Custody, EntryBody, Grant, Recognition};
use regard_domain::Clock as _;
use regard_identity::{EMBEDDING_DIMENSION, GalleryTransform, Template};

use super::faces::{IDENTIFY, VERIFY, begin, face, made};
use super::world::{VirtualClock, data, is_on_disk, site_key};
use crate::custody::{KeyPlace, SiteKeyFile, rotate};

#[tokio::test]
async fn who_enrols_just_before_the_gallery_is_turned_over_is_found_once_it_is() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), VirtualClock::new());
    let run = begin(folder.path(), &clock, Custody::Controller).await;
    // The fresh secret is there, the gallery is under the older one.
    run.custodian.fresh_gallery_secret(2).await.unwrap();
    let comes = run.come(&[IDENTIFY], &face(1)).await.0.person;
    assert_eq!(run.found(&face(1)), None);
    run.custodian.rekey_gallery().await.unwrap();
    assert_eq!(run.found(&face(1)), Some(comes));
    run.end().await;
}

#[tokio::test]
async fn a_rekeyed_gallery_finds_the_same_people_and_its_older_templates_match_nothing() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), VirtualClock::new());
    let run = begin(folder.path(), &clock, Custody::Controller).await;
    let mut people = Vec::new();
    for number in 0..5 {
        people.push(run.come(&[VERIFY, IDENTIFY], &face(number)).await.0.person);
    }
    let older = run.custodian.newest_gallery_secret().await.unwrap();
    let wrapped = run.keys.secrets("gallery/").await.unwrap()[0]
        .key
        .bytes
        .clone();
    let leaked = Template::from_bytes(&made(&face(0), &older)).unwrap();
    run.custodian.freeze(people[4], true).await.unwrap();
    let rekeyed = run.custodian.rekey_gallery().await.unwrap();
    assert_eq!((rekeyed.n_templates, rekeyed.n_left_out), (5, 0));
    let newer = run.custodian.newest_gallery_secret().await.unwrap();
    assert_ne!(*older, *newer);
    assert!(!is_on_disk(folder.path(), &wrapped));
    for number in 0..4 {
        assert_eq!(run.found(&face(number)), Some(people[number as usize]));
    }
    assert_eq!(run.found(&face(4)), None, "frozen");
    run.custodian.freeze(people[4], false).await.unwrap();
    assert_eq!(run.found(&face(4)), Some(people[4]));
    // What leaked is of another transform: it is not even comparable, and its numbers are those of nobody.
    let transform = GalleryTransform::from_key(&newer, EMBEDDING_DIMENSION).unwrap();
    let key = Grant::<Recognition>::for_evaluation();
    assert!(leaked.verify(&face(0), &transform, &key).is_err());
    let told = |body: &EntryBody| matches!(body, EntryBody::GalleryRekeyed { n_templates: 5, .. });
    assert_eq!(run.says(told).await, 1);
    run.end().await;
    let run = begin(folder.path(), &clock, Custody::Controller).await;
    for number in 0..5 {
        assert_eq!(run.found(&face(number)), Some(people[number as usize]));
    }
    run.end().await;
}

#[tokio::test]
async fn the_secret_of_the_gallery_goes_with_the_rotation_of_the_site_key() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), VirtualClock::new());
    let run = begin(folder.path(), &clock, Custody::Controller).await;
    let one = run.come(&[IDENTIFY], &face(1)).await.0.person;
    let mut file = SiteKeyFile::open(&site_key(folder.path()), &data(folder.path())).unwrap();
    let rotated = rotate(&*run.keys, &mut file, &KeyPlace::File, clock.now())
        .await
        .unwrap();
    let held = run.keys.secrets("").await.unwrap();
    assert!(held.iter().all(|secret| secret.key.site_key == rotated.to) && held.len() == 1);
    assert_eq!(rotated.n_keys, 3, "record, purpose, gallery");
    // This run goes on under the fresh key.
    let two = run.come(&[IDENTIFY], &face(2)).await.0.person;
    run.end().await;
    let run = begin(folder.path(), &clock, Custody::Controller).await;
    assert_eq!(
        (run.found(&face(1)), run.found(&face(2))),
        (Some(one), Some(two))
    );
    run.end().await;
}
