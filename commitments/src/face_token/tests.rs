use std::time::Duration;

use proptest::prelude::*;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use super::*;
use crate::SiteKeys;

const PERSON: PersonId = PersonId::from_bits(7);
const TOKEN: TemplateId = TemplateId::from_bits(0x0123_4567_89ab_cdef);
/// 2026-06-01T12:00:00Z.
const NOON: Timestamp = Timestamp::from_millis(1_780_315_200_000);
const DAY: Duration = Duration::from_secs(86_400);

fn mint(byte: u8) -> FaceTokenMint {
    SiteKeys::from_seed(Zeroizing::new([byte; 32])).face_tokens()
}

/// As long as the template of a network of 128 numbers.
fn template() -> Vec<u8> {
    (0..152_u8).map(|n| n.wrapping_mul(37)).collect()
}

fn made(key: &FaceTokenKey, rng: &mut StdRng) -> FaceToken {
    let times = (NOON, NOON.plus(DAY * 30));
    mint(1).mint((PERSON, TOKEN), key, &template(), times, rng)
}

#[test]
fn a_token_says_whose_it_is_and_opens_with_its_key_alone() {
    let mut rng = StdRng::seed_from_u64(1);
    let key = FaceTokenKey::random(&mut rng);
    let token = made(&key, &mut rng);
    let shown = mint(1).read(token.reveal()).unwrap();
    assert_eq!((shown.person(), shown.id()), (PERSON, TOKEN));
    let content = shown.open(&key, NOON).unwrap();
    assert_eq!(*content.template, template());
    assert_eq!(
        (content.made_at, content.expires_at),
        (NOON, NOON.plus(DAY * 30))
    );
    let other = FaceTokenKey::random(&mut rng);
    let closed = shown.open(&other, NOON).unwrap_err();
    assert_eq!(closed, FaceTokenFault::DoesNotOpen);
    let last = NOON.plus(DAY * 30 - Duration::from_micros(1));
    assert!(shown.open(&key, last).is_ok());
    let over = shown.open(&key, NOON.plus(DAY * 30)).unwrap_err();
    assert_eq!(over, FaceTokenFault::Expired);
    // As it was kept.
    let back = FaceTokenKey::from_bytes(key.as_bytes()).unwrap();
    assert!(shown.open(&back, NOON).is_ok());
    assert_eq!(*back.diversifier(), *key.diversifier());
    assert_ne!(*other.diversifier(), *key.diversifier());
    assert!(FaceTokenKey::from_bytes(&[0; 31]).is_none());
}

#[test]
fn another_sites_token_is_foreign() {
    let mut rng = StdRng::seed_from_u64(2);
    let key = FaceTokenKey::random(&mut rng);
    let token = made(&key, &mut rng);
    assert_eq!(
        mint(2).read(token.reveal()).unwrap_err(),
        FaceTokenFault::Foreign
    );
    // The EU health certificates are base45 too, and the record tokens of this program are not.
    for other in [
        "HC1:6BF",
        "rgp_00000000000000000000000000000007_aa",
        "",
        "RGT1:",
        "RGT1:a",
        "RGT1:::::",
    ] {
        assert_eq!(
            mint(1).read(other).unwrap_err(),
            FaceTokenFault::NotAToken,
            "{other}"
        );
    }
    let long = format!("{FACE_TOKEN_PREFIX}{}", "0".repeat(5_000));
    assert_eq!(mint(1).read(&long).unwrap_err(), FaceTokenFault::NotAToken);
}

#[test]
fn any_changed_byte_is_noticed() {
    let mut rng = StdRng::seed_from_u64(3);
    let key = FaceTokenKey::random(&mut rng);
    let token = made(&key, &mut rng);
    let code = token.reveal().strip_prefix(FACE_TOKEN_PREFIX).unwrap();
    let bytes = base45::decode(code).unwrap();
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        let text = format!("{FACE_TOKEN_PREFIX}{}", base45::encode(changed));
        assert!(mint(1).read(&text).is_err(), "byte {at}");
    }
    for cut in 0..bytes.len() {
        let text = format!("{FACE_TOKEN_PREFIX}{}", base45::encode(&bytes[..cut]));
        assert!(mint(1).read(&text).is_err(), "cut at {cut}");
    }
}

#[test]
fn two_tokens_of_one_person_have_nothing_in_common() {
    let mut rng = StdRng::seed_from_u64(4);
    let tokens: Vec<Vec<u8>> = (0..2)
        .map(|n| {
            let key = FaceTokenKey::random(&mut rng);
            let id = TemplateId::random(&mut rng);
            let times = (NOON, NOON.plus(DAY * (30 + n)));
            let token = mint(1).mint((PERSON, id), &key, &template(), times, &mut rng);
            base45::decode(&token.reveal()[5..]).unwrap()
        })
        .collect();
    for byte_run in PERSON.as_bits().to_be_bytes().windows(8) {
        assert!(
            !tokens
                .iter()
                .any(|token| token.windows(8).any(|w| w == byte_run))
        );
    }
    // Eight bytes in a row that stand in both are those of the form alone, at its beginning.
    let shared = tokens[0]
        .windows(8)
        .filter(|run| tokens[1].windows(8).any(|w| w == *run));
    let form = &tokens[0][..24];
    assert!(
        shared.clone().all(|run| form.windows(8).any(|w| w == run)),
        "{shared:?}"
    );
    let plain = template();
    assert!(!tokens.iter().any(|token| {
        plain
            .windows(8)
            .any(|run| token.windows(8).any(|w| w == run))
    }));
}

/// Read without any of the library that wrote it: the structure is the one of RFC 9052.
#[test]
fn any_cbor_reader_finds_the_two_layers() {
    let mut rng = StdRng::seed_from_u64(5);
    let key = FaceTokenKey::random(&mut rng);
    let token = made(&key, &mut rng);
    let bytes = base45::decode(&token.reveal()[5..]).unwrap();
    let parse = |bytes: &[u8]| -> Value { coset::cbor::de::from_reader(bytes).unwrap() };
    let outer = parse(&bytes).into_array().unwrap();
    assert_eq!(outer.len(), 4);
    let alg = |protected: &Value| {
        let map = parse(protected.as_bytes().unwrap()).into_map().unwrap();
        let (_, alg) = map
            .into_iter()
            .find(|(label, _)| *label == Value::from(1))
            .unwrap();
        i64::try_from(alg.into_integer().unwrap()).unwrap()
    };
    assert_eq!(alg(&outer[0]), -8, "EdDSA");
    assert_eq!(outer[3].as_bytes().unwrap().len(), 64);
    let inner = parse(outer[2].as_bytes().unwrap()).into_array().unwrap();
    assert_eq!(inner.len(), 3);
    assert_eq!(alg(&inner[0]), 24, "ChaCha20/Poly1305");
    let plain = claims(&template(), NOON, NOON);
    let claims = parse(&plain).into_map().unwrap();
    let labels: Vec<i64> = claims
        .into_iter()
        .map(|(label, _)| i64::try_from(label.into_integer().unwrap()).unwrap())
        .collect();
    assert_eq!(labels, [4, 6, CLAIM_TEMPLATE, CLAIM_VERSION]);
}

#[test]
fn it_fits_a_code_that_phones_read_and_prints_nowhere() {
    let mut rng = StdRng::seed_from_u64(6);
    let key = FaceTokenKey::random(&mut rng);
    let token = made(&key, &mut rng);
    let text = token.reveal();
    // 528 characters of the dense mode fit version 14 at level M (ISO/IEC 18004, table 7).
    assert!(text.len() <= 528, "{}", text.len());
    let dense = |c: char| c.is_ascii_digit() || c.is_ascii_uppercase() || " $%*+-./:".contains(c);
    assert!(text.chars().all(dense));
    let shown = mint(1).read(text).unwrap();
    let content = shown.open(&key, NOON).unwrap();
    for printed in [
        format!("{token:?}"),
        format!("{shown:?}"),
        format!("{content:?}"),
        format!("{key:?}"),
        format!("{:?}", mint(1)),
    ] {
        assert!(printed.ends_with("(withheld)"), "{printed}");
    }
}

proptest! {
    #[test]
    fn numbers_are_written_as_others_write_them(number in any::<u64>(), shift in 0_u32..64) {
        let number = number >> shift;
        let mut ours = Vec::new();
        head(&mut ours, 0, number);
        let mut theirs = Vec::new();
        coset::cbor::ser::into_writer(&number, &mut theirs).unwrap();
        prop_assert_eq!(ours, theirs);
    }

    #[test]
    fn any_text_is_survived(text in "\\PC{0,80}", code in "[0-9A-Z $%*+./:-]{0,300}") {
        prop_assert!(mint(1).read(&text).is_err());
        let prefixed = format!("{FACE_TOKEN_PREFIX}{code}");
        prop_assert!(mint(1).read(&prefixed).is_err());
    }
}
