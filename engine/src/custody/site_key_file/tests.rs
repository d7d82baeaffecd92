//! The file itself, without anybody whose keys it wraps.

use std::fs;

use super::*;
use crate::private_file::write_private;

fn ids(file: &SiteKeyFile) -> Vec<SiteKeyId> {
    file.ring().ids()
}

#[test]
fn a_key_is_made_once_and_rotates_in_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let config = SiteKeyConfig::default();
    let mut file = SiteKeyFile::open_or_create(&config, folder.path()).unwrap();
    let first = ids(&file);
    assert_eq!(first.len(), 1);
    let mut again = SiteKeyFile::open_or_create(&config, folder.path()).unwrap();
    assert_eq!(ids(&again), first);
    let second = file.add_fresh(&KeyPlace::File).unwrap();
    again.reload().unwrap();
    assert_eq!(ids(&again), [second, first[0]]);
    file.drop_older().unwrap();
    again.reload().unwrap();
    assert_eq!(ids(&again), [second]);
}

#[test]
fn a_rotation_is_one_programs_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let config = SiteKeyConfig::default();
    let mut one = SiteKeyFile::open_or_create(&config, folder.path()).unwrap();
    let mut two = SiteKeyFile::open(&config, folder.path()).unwrap();
    let held = one.hold().unwrap();
    let fresh = one.add_fresh(&KeyPlace::File).unwrap();
    let fault = two.hold().unwrap_err();
    assert!(matches!(fault, KeyError::Rotating { .. }), "{fault}");
    drop(held);
    // Whoever comes after goes on from what was written, not from what it had read.
    let _held = two.hold().unwrap();
    assert_eq!(ids(&two), ids(&one));
    assert_eq!(ids(&two)[0], fresh);
}

#[test]
fn a_passphrase_encrypts_the_key() {
    let folder = tempfile::tempdir().unwrap();
    let phrase = folder.path().join("phrase");
    write_private(&phrase, b"correct horse\n").unwrap();
    let config = SiteKeyConfig {
        file: Some(folder.path().join("keys")),
        passphrase_file: Some(phrase.clone()),
        token: None,
    };
    let file = SiteKeyFile::open_or_create(&config, folder.path()).unwrap();
    let text = fs::read_to_string(file.path()).unwrap();
    assert!(text.contains("argon2id 65536 3 1 "), "{text}");
    assert!(!text.contains("plain"), "{text}");
    let back = SiteKeyFile::open(&config, folder.path()).unwrap();
    assert_eq!(ids(&back), ids(&file));
    let without = SiteKeyConfig {
        passphrase_file: None,
        ..config.clone()
    };
    let fault = SiteKeyFile::open(&without, folder.path()).unwrap_err();
    assert!(matches!(fault, KeyError::NoPassphrase { .. }), "{fault}");
    write_private(&phrase, b"wrong horse\n").unwrap();
    let fault = SiteKeyFile::open(&config, folder.path()).unwrap_err();
    assert!(matches!(fault, KeyError::WrongPassphrase { .. }), "{fault}");
    write_private(&phrase, b"\n").unwrap();
    let fault = SiteKeyFile::open(&config, folder.path()).unwrap_err();
    assert!(matches!(fault, KeyError::EmptyPassphrase { .. }), "{fault}");
}

#[test]
fn a_file_that_is_not_one_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let config = SiteKeyConfig::default();
    let missing = SiteKeyFile::open(&config, folder.path()).unwrap_err();
    assert!(matches!(missing, KeyError::Io { .. }));
    let path = folder.path().join(FILE_NAME);
    for text in [
        "",
        HEAD,
        "regard-site-keys-v1\nplain 00",
        "regard-site-keys-v1\nsecret",
        "regard-site-keys-v1\nplain \n",
        "regard-site-keys-v1\npkcs11 00 pkcs11:token=a?module-path=/m.so\n",
        "regard-site-keys-v1\npkcs11 000102030405060708090a0b0c0d0e0f token\n",
        "regard-site-keys-v1\ngoing 000102030405060708090a0b0c0d0e0f pkcs11:token=a?module-path=/m.so\n",
        "regard-site-keys-v1\ngoing 00\n",
    ] {
        write_private(&path, text.as_bytes()).unwrap();
        let fault = SiteKeyFile::open(&config, folder.path()).unwrap_err();
        assert!(
            matches!(fault, KeyError::MalformedSiteKeys { .. }),
            "{text:?}: {fault}"
        );
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let fault = SiteKeyFile::open(&config, folder.path()).unwrap_err();
        assert!(matches!(fault, KeyError::TooOpen { .. }));
    }
}
