//! Persons who should not be there any more.

use regard_backends::{KeyStore as _, PersonRow, SqliteKeys};
use regard_commitments::{
    Digest, EntryBody, LedgerEntry, PersonTokenHash, SiteKeyId, WrappedKey, subject,
};
use regard_domain::PersonId;

use super::Audit;
use super::installation::{append, kept, now, stopped};
use crate::running::Serve;

/// An older `keys.db` put in place of a newer one, as somebody would who wants an erased person back.
#[test]
fn somebody_erased_who_came_back_is_found() {
    let folder = stopped();
    let data = folder.path().join("data");
    let person = PersonId::from_bits(7);
    // Bytes as a cipher makes them.
    let sealed: Vec<u8> = (0..20_u8)
        .flat_map(|n| *Digest::of(&[&[n]]).as_bytes())
        .collect();
    let row = PersonRow {
        person,
        token: PersonTokenHash::from_bytes([7; 32]),
        key: WrappedKey {
            site_key: SiteKeyId::from_bytes([1; 16]),
            bytes: vec![1; 40],
        },
        file: sealed,
    };
    let enrolled = LedgerEntry {
        at: now(),
        body: EntryBody::Enrolled {
            subject: subject(person),
        },
    };
    let put = kept(&data, row, now());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let keys = SqliteKeys::open(&data).await.unwrap();
        keys.create(&put, &enrolled).await.unwrap();
        keys.close().await;
    });
    let good = Audit::of(&data, &[]);
    assert_eq!(good.state("records"), "pass", "{:#}", good.check("records"));
    assert_eq!(good.check("records")["evidence"]["n_persons"], 1);
    append(&data, &enrolled);
    let erased = EntryBody::Erased {
        subject: subject(person),
    };
    let erased = LedgerEntry {
        at: now(),
        body: erased,
    };
    append(&data, &erased);
    let audit = Audit::of(&data, &[]);
    let evidence = audit.fails("records");
    assert_eq!(evidence["n_erased"], 1);
    let found = evidence["found"][0].as_str().unwrap();
    assert!(
        found.starts_with("keys.db persons: ") && found.ends_with(" was erased"),
        "{found}"
    );
    // Whoever starts the program erases them again.
    Serve::start(folder.path(), &[]).stop();
    let audit = Audit::of(&data, &[]);
    assert_eq!(
        audit.state("records"),
        "pass",
        "{:#}",
        audit.check("records")
    );
    assert_eq!(audit.check("records")["evidence"]["n_persons"], 0);
}
