use proptest::prelude::*;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use super::*;

const ALICE: PersonId = PersonId::from_bits(1);
const BOB: PersonId = PersonId::from_bits(2);

fn site(byte: u8) -> Arc<dyn SiteKey> {
    Arc::new(HeldSiteKey::new(Zeroizing::new([byte; 32])))
}

fn place<'a>(person: PersonId, kind: &'a str, name: &'a str) -> SealedAs<'a> {
    SealedAs { person, kind, name }
}

/// Known answer of the draft the cipher is written down in, so that a store can be read in ten years.
#[test]
fn the_cipher_is_the_one_of_the_draft() {
    // draft-irtf-cfrg-xchacha-03, appendix A.3.1.
    let key: [u8; 32] = std::array::from_fn(|i| 0x80 + i as u8);
    let nonce: [u8; 24] = std::array::from_fn(|i| 0x40 + i as u8);
    let bound = [
        0x50, 0x51, 0x52, 0x53, 0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7,
    ];
    let plain = b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.";
    let sealed = XChaCha20Poly1305::new(&Key::from(key))
        .encrypt(
            &XNonce::from(nonce),
            Payload {
                msg: plain,
                aad: &bound,
            },
        )
        .unwrap();
    let tag = [
        0xc0, 0x87, 0x59, 0x24, 0xc1, 0xc7, 0x98, 0x79, 0x47, 0xde, 0xaf, 0xd8, 0x78, 0x0a, 0xcf,
        0x49,
    ];
    assert_eq!(sealed[sealed.len() - 16..], tag);
    let whole = [nonce.as_slice(), &sealed].concat();
    assert_eq!(open(&key, &bound, &whole).unwrap().as_slice(), plain);
}

#[test]
fn what_is_sealed_opens_in_its_place_only() {
    let mut rng = StdRng::seed_from_u64(3);
    let (key, other) = (DataKey::random(&mut rng), DataKey::random(&mut rng));
    let here = place(ALICE, "receipt", "7");
    let sealed = key.seal(&here, b"agreed", &mut rng);
    assert_eq!(key.open(&here, &sealed).unwrap().as_slice(), b"agreed");
    assert!(other.open(&here, &sealed).is_err());
    for elsewhere in [
        place(BOB, "receipt", "7"),
        place(ALICE, "preferences", "7"),
        place(ALICE, "receipt", "8"),
        place(ALICE, "receip", "t7"),
    ] {
        assert_eq!(key.open(&elsewhere, &sealed).unwrap_err(), DoesNotOpen);
    }
    let again = key.seal(&here, b"agreed", &mut rng);
    assert_ne!(sealed, again, "the same twice does not look the same");
    assert!(key.open(&here, &[]).is_err());
}

#[test]
fn a_wrapped_key_needs_its_site_key_and_its_place() {
    let mut rng = StdRng::seed_from_u64(4);
    let ring = SiteKeyring::new(site(1));
    let key = DataKey::random(&mut rng);
    let slot = KeySlot::Purpose(ConsentPurpose::Learn);
    let wrapped = ring.wrap((ALICE, slot), &key, None, &mut rng).unwrap();
    assert_eq!(
        *ring.unwrap((ALICE, slot), &wrapped, None).unwrap().0,
        *key.0
    );
    assert!(ring.unwrap((BOB, slot), &wrapped, None).is_err());
    assert!(
        ring.unwrap((ALICE, KeySlot::Record), &wrapped, None)
            .is_err()
    );
    let stranger = SiteKeyring::new(site(2));
    assert!(matches!(
        stranger.unwrap((ALICE, slot), &wrapped, None),
        Err(SiteKeyFault::Missing(_))
    ));
    let renamed = WrappedKey {
        site_key: stranger.current(),
        ..wrapped
    };
    assert!(matches!(
        stranger.unwrap((ALICE, slot), &renamed, None),
        Err(SiteKeyFault::DoesNotOpen(_))
    ));
}

#[test]
fn shared_custody_needs_the_secret_of_the_person() {
    let mut rng = StdRng::seed_from_u64(5);
    let ring = SiteKeyring::new(site(1));
    let key = DataKey::random(&mut rng);
    let (secret, other) = (
        PersonSecret::derive(b"token"),
        PersonSecret::derive(b"tokem"),
    );
    let at = (ALICE, KeySlot::Record);
    let wrapped = ring.wrap(at, &key, Some(&secret), &mut rng).unwrap();
    assert_eq!(*ring.unwrap(at, &wrapped, Some(&secret)).unwrap().0, *key.0);
    assert!(ring.unwrap(at, &wrapped, None).is_err());
    assert!(ring.unwrap(at, &wrapped, Some(&other)).is_err());
}

#[test]
fn rotation_leaves_nothing_to_the_older_key() {
    let mut rng = StdRng::seed_from_u64(6);
    let old = SiteKeyring::new(site(1));
    let secret = PersonSecret::derive(b"token");
    let key = DataKey::random(&mut rng);
    for held in [None, Some(&secret)] {
        let at = (ALICE, KeySlot::Record);
        let wrapped = old.wrap(at, &key, held, &mut rng).unwrap();
        let both = SiteKeyring::new(site(2)).with_older(site(1));
        assert_eq!(both.ids().len(), 2);
        // Meanwhile both open.
        assert!(both.unwrap(at, &wrapped, held).is_ok());
        let moved = both.rewrap(at, &wrapped, held.is_some(), &mut rng).unwrap();
        let new = SiteKeyring::new(site(2));
        assert_eq!(*new.unwrap(at, &moved, held).unwrap().0, *key.0);
        assert!(old.unwrap(at, &moved, held).is_err());
    }
}

#[test]
fn no_key_prints() {
    let mut rng = StdRng::seed_from_u64(7);
    let key = DataKey::random(&mut rng);
    let site = HeldSiteKey::new(Zeroizing::new([0xab; 32]));
    let ring = SiteKeyring::new(Arc::new(HeldSiteKey::new(site.secret())));
    let wrapped = ring
        .wrap((ALICE, KeySlot::Record), &key, None, &mut rng)
        .unwrap();
    for printed in [
        format!("{key:?}"),
        format!("{site:?}"),
        format!("{ring:?}"),
        format!("{wrapped:?}"),
        format!("{:?}", PersonSecret::derive(b"token")),
    ] {
        assert!(printed.contains("withheld"), "{printed}");
        assert!(
            !printed.contains("abab") && !printed.contains("171, 171"),
            "{printed}"
        );
    }
}

#[test]
fn names_of_site_keys_and_slots_come_back() {
    let id = site(1).id();
    assert_eq!(SiteKeyId::try_from(id.to_string()), Ok(id));
    assert!(SiteKeyId::try_from("+bcdefabcdefabcdefabcdefabcdefab".to_owned()).is_err());
    for slot in ConsentPurpose::ALL.iter().map(|p| KeySlot::Purpose(*p)) {
        assert_eq!(slot.as_str().parse(), Ok(slot));
    }
    assert_eq!("record".parse(), Ok(KeySlot::Record));
}

proptest! {
    #[test]
    fn any_changed_byte_is_noticed(plain in proptest::collection::vec(any::<u8>(), 0..60), at in any::<usize>(), bit in 0_u8..8) {
        let mut rng = StdRng::seed_from_u64(8);
        let key = DataKey::random(&mut rng);
        let here = place(ALICE, "receipt", "7");
        let mut sealed = key.seal(&here, &plain, &mut rng);
        let opened = key.open(&here, &sealed).unwrap();
        prop_assert_eq!(opened.as_slice(), plain.as_slice());
        let at = at % sealed.len();
        sealed[at] ^= 1 << bit;
        prop_assert!(key.open(&here, &sealed).is_err());
    }
}

#[test]
fn a_secret_of_the_site_opens_under_its_name_and_key_alone() {
    let mut rng = StdRng::seed_from_u64(20);
    let ring = SiteKeyring::new(site(1));
    let wrapped = ring
        .wrap_secret("gallery/main/1", b"thirty-two bytes or not", &mut rng)
        .unwrap();
    let opened = ring.unwrap_secret("gallery/main/1", &wrapped).unwrap();
    assert_eq!(*opened, b"thirty-two bytes or not");
    assert!(ring.unwrap_secret("gallery/main/2", &wrapped).is_err());
    let newer = SiteKeyring::new(site(2)).with_older(site(1));
    assert!(newer.unwrap_secret("gallery/main/1", &wrapped).is_ok());
    assert!(
        SiteKeyring::new(site(2))
            .unwrap_secret("gallery/main/1", &wrapped)
            .is_err()
    );
}

#[test]
fn a_derived_secret_is_of_its_key_and_label() {
    let mut rng = StdRng::seed_from_u64(21);
    let (one, other) = (DataKey::random(&mut rng), DataKey::random(&mut rng));
    assert_eq!(*one.derive("face"), *one.derive("face"));
    assert_ne!(*one.derive("face"), *one.derive("voice"));
    assert_ne!(*one.derive("face"), *other.derive("face"));
}
