//! The key of the site in a PKCS#11 token: SoftHSM, where it is installed.
//!
//! The library reads where its tokens are from its environment when it is started, once in a process. So the test starts
//! itself again with that environment, and there does its work.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::types::AuthPin;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use regard_commitments::{SiteKey as _, SiteKeyFault, SiteKeyId};
use regard_domain::Clock as _;

use super::crashing::{Faults, Moment};
use super::rotation_crashes::rotated;
use super::world::{Run, VirtualClock, data, outside, site_key};
use super::{LEARN, is_on_disk};
use crate::custody::token::{Pin, TokenSiteKey};
use crate::custody::{CustodyError, KeyPlace, SiteKeyFile, TokenError, TokenUri, rotate};
use crate::private_file::write_private;
use crate::{BackupError, KeyError, SiteKeyConfig, back_up, restore};

/// Where Debian and Fedora put it.
const MODULES: [&str; 4] = [
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
];

const PIN: &str = "4711 regard";

/// Said by the test within the test when it has come to its end.
const DONE: &str = "the token did its work";

/// Set for the test within the test: the folder of its tokens.
const WITHIN: &str = "REGARD_TEST_TOKENS";

/// Runs a test once more, in a process whose environment leads to tokens of its own; there, answers their folder.
fn within(test: &str) -> Option<PathBuf> {
    if let Some(folder) = std::env::var_os(WITHIN) {
        return Some(PathBuf::from(folder));
    }
    let tool = "softhsm2-util";
    let module = MODULES.iter().find(|path| Path::new(path).exists());
    if module.is_none() || Command::new(tool).arg("--version").output().is_err() {
        println!("skipped: keys in tokens: SoftHSM not found; Debian: apt install softhsm2");
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let tokens = folder.path().join("tokens");
    std::fs::create_dir(&tokens).unwrap();
    let config = folder.path().join("softhsm2.conf");
    let text = format!(
        "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n",
        tokens.display()
    );
    std::fs::write(&config, text).unwrap();
    write_private(&folder.path().join("pin"), PIN.as_bytes()).unwrap();
    for label in ["regard", "other"] {
        let made = Command::new(tool)
            .args([
                "--init-token",
                "--free",
                "--label",
                label,
                "--so-pin",
                "87654321",
                "--pin",
                PIN,
            ])
            .env("SOFTHSM2_CONF", &config)
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
    }
    let name = format!("custody::tests::tokens::{test}");
    let said = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &name, "--nocapture"])
        .env("SOFTHSM2_CONF", &config)
        .env(WITHIN, folder.path())
        .output()
        .unwrap();
    let out = String::from_utf8_lossy(&said.stdout);
    let err = String::from_utf8_lossy(&said.stderr);
    assert!(said.status.success() && out.contains(DONE), "{out}\n{err}");
    None
}

fn module() -> &'static str {
    MODULES
        .into_iter()
        .find(|path| Path::new(path).exists())
        .unwrap()
}

fn uri(folder: &Path, token: &str) -> TokenUri {
    let pin = folder.join("pin");
    format!(
        "pkcs11:token={token}?module-path={}&pin-source=file:{}",
        module(),
        pin.display()
    )
    .parse()
    .unwrap()
}

fn config(folder: &Path, token: TokenUri) -> SiteKeyConfig {
    SiteKeyConfig {
        token: Some(token),
        ..site_key(folder)
    }
}

/// A session of the test's own with the token.
fn session(token: &str) -> Session {
    let pkcs11 = Pkcs11::new(module()).unwrap();
    // Started by whoever came first.
    let _ = pkcs11.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK));
    let slots = pkcs11.get_slots_with_initialized_token().unwrap();
    let is_meant = |slot: &&_| pkcs11.get_token_info(**slot).unwrap().label() == token;
    let slot = *slots.iter().find(is_meant).unwrap();
    let session = pkcs11.open_rw_session(slot).unwrap();
    let _ = session.login(UserType::User, Some(&AuthPin::new(PIN.into())));
    session
}

fn keys_in(session: &Session) -> Vec<ObjectHandle> {
    session
        .find_objects(&[Attribute::Class(ObjectClass::SECRET_KEY)])
        .unwrap()
}

#[test]
fn a_key_stays_in_its_token() {
    let Some(folder) = within("a_key_stays_in_its_token") else {
        return;
    };
    let mut rng = StdRng::from_seed([3; 32]);
    let key = TokenSiteKey::create(uri(&folder, "regard"), Pin::new(PIN)).unwrap();
    let wrapped = key
        .wrap(b"place", b"a secret of a person", &mut rng)
        .unwrap();
    assert!(!wrapped.windows(8).any(|window| window == b"a secret"));
    opens_only_what_is_whole_and_in_its_place(&key, &wrapped);
    is_found_by_its_name_alone(&folder, &key, &wrapped);
    let session = session("regard");
    cannot_be_taken_out(&session);
    brought_keys_are_not_used(&folder, &session);

    // Logged out under it, it logs in again; so it does after its token was away.
    session.logout().unwrap();
    opens(&key, &wrapped);
    session.logout().unwrap();
    let wrong = TokenSiteKey::open(uri(&folder, "regard"), key.id(), Pin::new("4712 regard"));
    assert!(matches!(wrong, Err(TokenError::Pin(_))), "{wrong:?}");
    assert!(!format!("{key:?}").contains(PIN));
    // Destroyed, it opens nothing.
    key.destroy().unwrap();
    assert!(matches!(
        key.unwrap(b"place", &wrapped),
        Err(SiteKeyFault::Missing(_))
    ));
    println!("{DONE}");
}

fn opens(key: &TokenSiteKey, wrapped: &[u8]) {
    assert_eq!(
        *key.unwrap(b"place", wrapped).unwrap(),
        b"a secret of a person"
    );
}

fn opens_only_what_is_whole_and_in_its_place(key: &TokenSiteKey, wrapped: &[u8]) {
    opens(key, wrapped);
    // Bound to its place, and whole, or it does not open; which of these, nobody learns.
    let does_not_open = |bound: &[u8], bytes: &[u8]| {
        matches!(key.unwrap(bound, bytes), Err(SiteKeyFault::DoesNotOpen(_)))
    };
    assert!(does_not_open(b"elsewhere", wrapped) && does_not_open(b"", wrapped));
    assert!(does_not_open(b"place", &[]) && does_not_open(b"place", &wrapped[..12]));
    for at in 0..wrapped.len() {
        let mut changed = wrapped.to_vec();
        changed[at] ^= 1;
        assert!(does_not_open(b"place", &changed), "byte {at}");
    }
    opens(key, wrapped);
}

/// Found again by name; not in another token, not under another name.
fn is_found_by_its_name_alone(folder: &Path, key: &TokenSiteKey, wrapped: &[u8]) {
    let again = TokenSiteKey::open(uri(folder, "regard"), key.id(), Pin::new(PIN)).unwrap();
    opens(&again, wrapped);
    let elsewhere = TokenSiteKey::open(uri(folder, "other"), key.id(), Pin::new(PIN));
    assert!(matches!(elsewhere, Err(TokenError::NoKey { .. })));
    let unnamed = TokenSiteKey::open(
        uri(folder, "regard"),
        SiteKeyId::from_bytes([0; 16]),
        Pin::new(PIN),
    );
    assert!(matches!(unnamed, Err(TokenError::NoKey { .. })));
    let nowhere = TokenSiteKey::create(uri(folder, "lost"), Pin::new(PIN));
    assert!(matches!(nowhere, Err(TokenError::NoToken { .. })));
    let other = TokenSiteKey::create(uri(folder, "regard"), Pin::new(PIN)).unwrap();
    assert!(matches!(
        other.unwrap(b"place", wrapped),
        Err(SiteKeyFault::DoesNotOpen(_))
    ));
}

/// It cannot be read, nor wrapped by another key of the token, nor made to be.
fn cannot_be_taken_out(session: &Session) {
    let handle = *keys_in(session).first().unwrap();
    let value = session.get_attributes(handle, &[AttributeType::Value]);
    let is_told = value.is_ok_and(|said| said.iter().any(|one| matches!(one, Attribute::Value(_))));
    assert!(!is_told, "the key came out of its token");
    let wrapping = [
        Attribute::KeyType(KeyType::AES),
        Attribute::ValueLen(32.into()),
        Attribute::Wrap(true),
    ];
    let thief = session
        .generate_key(&Mechanism::AesKeyGen, &wrapping)
        .unwrap();
    assert!(
        session
            .wrap_key(&Mechanism::AesKeyWrap, thief, handle)
            .is_err()
    );
    assert!(
        session
            .update_attributes(handle, &[Attribute::Extractable(true)])
            .is_err()
    );
}

/// A key that somebody brought, and could take away, is not used.
fn brought_keys_are_not_used(folder: &Path, session: &Session) {
    let brought = SiteKeyId::from_bytes([9; 16]);
    let template = [
        Attribute::KeyType(KeyType::AES),
        Attribute::ValueLen(32.into()),
        Attribute::Token(true),
        Attribute::Extractable(true),
        Attribute::Sensitive(false),
        Attribute::Encrypt(true),
        Attribute::Decrypt(true),
        Attribute::Label(uri(folder, "regard").object().as_bytes().to_vec()),
        Attribute::Id(brought.as_bytes().to_vec()),
    ];
    session
        .generate_key(&Mechanism::AesKeyGen, &template)
        .unwrap();
    let used = TokenSiteKey::open(uri(folder, "regard"), brought, Pin::new(PIN));
    assert!(matches!(used, Err(TokenError::Extractable { .. })));
}

async fn lives_through_rotations(folder: &Path) {
    let clock = VirtualClock::new();
    let (here, there) = (uri(folder, "regard"), uri(folder, "other"));
    let begun = config(folder, here.clone());
    SiteKeyFile::create_if_missing(&begun, &data(folder)).unwrap();
    let file = std::fs::read_to_string(outside(folder)).unwrap();
    assert!(
        !file.contains("plain") && file.contains("pkcs11 "),
        "{file}"
    );
    let run = Run::begin(folder, &clock).await;
    let one = run.enroll().await;
    run.agree(&one, LEARN, None).await.unwrap();
    assert_eq!(run.refused(one.person, LEARN).await, None);
    let wrapped = run.keys.person(one.person).await.unwrap().unwrap().key;

    // Without its token the file opens nothing, and says what to do.
    let named = SiteKeyFile::open(&config(folder, there.clone()), &data(folder)).unwrap_err();
    assert!(matches!(named, KeyError::NotInToken { .. }), "{named}");
    assert!(
        named.to_string().contains("regard keys rotate --to"),
        "{named}"
    );

    // To a fresh key in the same token, to another token, into the file, and back, while the program runs.
    let places = [
        KeyPlace::Token(here.clone()),
        KeyPlace::Token(there.clone()),
        KeyPlace::File,
        KeyPlace::Token(here.clone()),
    ];
    for (n, place) in places.iter().enumerate() {
        let mut file = SiteKeyFile::open(&site_key(folder), &data(folder)).unwrap();
        let before = file.ring().current();
        let rotated = rotate(&*run.keys, &mut file, place, clock.now())
            .await
            .unwrap();
        assert_eq!(rotated.n_keys, 2 + n as u64, "{place:?}");
        assert!(rotated.is_wiped && rotated.to != before);
        assert!(file.place().is_same(place), "{place:?}");
        let next = run.enroll().await;
        let row = run.keys.person(next.person).await.unwrap().unwrap();
        assert_eq!(row.key.site_key, rotated.to);
        assert_eq!(run.refused(one.person, LEARN).await, None);
        // The older key is destroyed where it was.
        let n_here = usize::from(file.place().is_in(&here));
        let n_there = usize::from(file.place().is_in(&there));
        assert_eq!(keys_in(&session("regard")).len(), n_here, "{place:?}");
        assert_eq!(keys_in(&session("other")).len(), n_there, "{place:?}");
    }
    assert!(!is_on_disk(folder, &wrapped.bytes));
    run.custodian.withdraw(one.person, LEARN).await.unwrap();
    let proof = run.custodian.erase(one.person).await.unwrap();
    assert!(proof.verify(None).is_ok());
    run.end().await;
}

async fn backups_need_the_token(folder: &Path) {
    let clock = VirtualClock::new();
    let run = Run::begin(folder, &clock).await;
    let one = run.enroll().await;
    run.agree(&one, LEARN, None).await.unwrap();
    write_private(
        &data(folder).join("site.key"),
        crate::to_hex(super::site_keys().seed().as_slice()).as_bytes(),
    )
    .unwrap();
    let file = SiteKeyFile::open(&site_key(folder), &data(folder)).unwrap();
    let to = folder.join("backup");
    back_up(&data(folder), &file, &to).await.unwrap();
    run.end().await;
    let put_back = restore(&to, &data(folder), &file, clock.now())
        .await
        .unwrap();
    assert_eq!((put_back.n_left_out, put_back.n_sealed), (0, 1));
    // Another key, in the same token: the backup is not its.
    let thief = tempfile::tempdir().unwrap();
    let other = config(thief.path(), uri(folder, "regard"));
    SiteKeyFile::create_if_missing(&other, &data(thief.path())).unwrap();
    let other = SiteKeyFile::open(&other, &data(thief.path())).unwrap();
    let refused = restore(&to, &data(thief.path()), &other, clock.now()).await;
    assert!(
        matches!(refused, Err(BackupError::OtherKey { .. })),
        "{refused:?}"
    );

    // A token that is gone takes nobody in and lets nobody read; nothing panics, and nothing is lost.
    let run = Run::begin(folder, &clock).await;
    let key = Arc::clone(&run.keys);
    let held = keys_in(&session("regard"));
    assert!(!held.is_empty());
    for handle in held {
        session("regard").destroy_object(handle).unwrap();
    }
    let refused = run.custodian.export(&run.who(&one).await.unwrap()).await;
    assert!(matches!(refused, Err(CustodyError::SiteKey(_))));
    assert!(matches!(
        run.custodian.enroll(false).await,
        Err(CustodyError::SiteKey(_))
    ));
    assert!(key.person(one.person).await.unwrap().is_some());
    // Erasing needs no key: it works all the same.
    assert!(run.custodian.erase(one.person).await.is_ok());
    run.end().await;
}

/// A rotation within a token that dies at one write, and is run again. Whether it died.
async fn dies_and_leaves_no_older_key(tokens: &Path, number: u32, moment: Moment) -> bool {
    let (folder, clock) = (tempfile::tempdir().unwrap(), VirtualClock::new());
    let (folder, place) = (folder.path(), KeyPlace::Token(uri(tokens, "regard")));
    let begun = config(folder, uri(tokens, "regard"));
    SiteKeyFile::create_if_missing(&begun, &data(folder)).unwrap();
    let run = Run::begin(folder, &clock).await;
    let one = run.enroll().await;
    run.agree(&one, LEARN, None).await.unwrap();
    let file = SiteKeyFile::open(&site_key(folder), &data(folder)).unwrap();
    let older = file.ring().current();
    drop(file);
    let faults = Faults::new(Some((number, moment)));
    let told = format!("{number} {moment:?}");
    let broken = rotated(folder, &place, &clock, &faults).await;
    assert!(broken.is_ok() || faults.is_dead(), "{told}: {broken:?}");
    assert_eq!(run.refused(one.person, LEARN).await, None, "{told}");
    let again = rotated(folder, &place, &clock, &Faults::new(None)).await;
    let again = again.unwrap();
    assert_eq!(run.refused(one.person, LEARN).await, None, "{told}");
    assert_eq!(again.n_going, 0, "{told}");
    let gone = TokenSiteKey::open(uri(tokens, "regard"), older, Pin::new(PIN));
    assert!(matches!(gone, Err(TokenError::NoKey { .. })), "{told}");
    run.end().await;
    let run = Run::begin(folder, &clock).await;
    assert_eq!(run.refused(one.person, LEARN).await, None, "{told}");
    run.end().await;
    faults.is_dead()
}

/// A token that is away keeps nobody from rotating; its key is destroyed once it is back.
async fn a_token_that_is_away_is_waited_for(tokens: &Path) {
    let (folder, clock) = (tempfile::tempdir().unwrap(), VirtualClock::new());
    let folder = folder.path();
    let begun = config(folder, uri(tokens, "regard"));
    SiteKeyFile::create_if_missing(&begun, &data(folder)).unwrap();
    let run = Run::begin(folder, &clock).await;
    let one = run.enroll().await;
    let mut file = SiteKeyFile::open(&site_key(folder), &data(folder)).unwrap();
    let older = file.ring().current();
    rotate(&*run.keys, &mut file, &KeyPlace::File, clock.now())
        .await
        .unwrap();
    // As if it had been away: it is named, and its token does not answer to that address.
    let text = std::fs::read_to_string(outside(folder)).unwrap();
    let lost = uri(tokens, "lost");
    write_private(
        &outside(folder),
        format!("{text}going {older} {lost}\n").as_bytes(),
    )
    .unwrap();
    let again = rotate(&*run.keys, &mut file, &KeyPlace::File, clock.now())
        .await
        .unwrap();
    assert_eq!((again.n_going, file.n_going()), (1, 1));
    assert!(run.who(&one).await.is_ok());
    // Back again, it is found to hold no such key, and is named no more.
    let text = std::fs::read_to_string(outside(folder)).unwrap();
    let back = text.replace(&lost.to_string(), &uri(tokens, "regard").to_string());
    write_private(&outside(folder), back.as_bytes()).unwrap();
    let last = rotate(&*run.keys, &mut file, &KeyPlace::File, clock.now())
        .await
        .unwrap();
    assert_eq!((last.n_going, file.n_going()), (0, 0));
    run.end().await;
}

#[test]
fn no_older_key_stays_in_a_token_wherever_the_program_dies() {
    let Some(folder) = within("no_older_key_stays_in_a_token_wherever_the_program_dies") else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        for moment in [Moment::Before, Moment::After] {
            let mut number = 0;
            while dies_and_leaves_no_older_key(&folder, number, moment).await {
                number += 1;
                assert!(number < 60);
            }
            // The file, the older one retired, a step of two keys, the log emptied, the older one let go, destroyed, forgotten.
            assert!(number >= 7, "{number} writes");
        }
        a_token_that_is_away_is_waited_for(&folder).await;
    });
    println!("{DONE}");
}

#[test]
fn persons_live_under_a_key_in_a_token_through_every_rotation() {
    let Some(folder) = within("persons_live_under_a_key_in_a_token_through_every_rotation") else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        lives_through_rotations(&folder).await;
        backups_need_the_token(&folder).await;
    });
    println!("{DONE}");
}
