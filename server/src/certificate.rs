//! What a certificate says of itself.

use regard_domain::Timestamp;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::server::ParsedCertificate;

/// From when to when a certificate is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Validity {
    pub(crate) from: Timestamp,
    pub(crate) until: Timestamp,
}

impl Validity {
    /// Of a certificate; nothing when it cannot be read.
    pub(crate) fn of(certificate: &CertificateDer<'_>) -> Option<Self> {
        let (_, read) = x509_parser::parse_x509_certificate(certificate).ok()?;
        let at = |secs: i64| Timestamp::from_micros(secs.saturating_mul(1_000_000));
        Some(Self {
            from: at(read.validity().not_before.timestamp()),
            until: at(read.validity().not_after.timestamp()),
        })
    }

    /// When it is time for the next one: at two thirds, so that a third is left for tries that fail.
    pub(crate) fn renewal_at(self) -> Timestamp {
        let lifetime = self.until.saturating_since(self.from);
        self.from.plus(lifetime / 3 * 2)
    }
}

/// Whether a certificate is for every one of these names and addresses.
pub(crate) fn is_for(certificate: &CertificateDer<'_>, names: &[String]) -> bool {
    let Ok(parsed) = ParsedCertificate::try_from(certificate) else {
        return false;
    };
    names.iter().all(|name| {
        ServerName::try_from(name.as_str())
            .is_ok_and(|name| rustls::client::verify_server_name(&parsed, &name).is_ok())
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn validity_is_read_and_two_thirds_of_it_are_used() {
        let mut params = rcgen::CertificateParams::new(names(&["signage.lan"])).unwrap();
        params.not_before = rcgen::date_time_ymd(2026, 1, 1);
        params.not_after = rcgen::date_time_ymd(2026, 4, 1);
        let key = rcgen::KeyPair::generate().unwrap();
        let made = params.self_signed(&key).unwrap();
        let validity = Validity::of(made.der()).unwrap();
        // `date -u -d 2026-01-01 +%s`, and 90 days later; 60 days are two thirds.
        let day_micros = 86_400_000_000;
        assert_eq!(validity.from.as_micros(), 1_767_225_600_000_000);
        assert_eq!(
            validity.until.as_micros() - validity.from.as_micros(),
            90 * day_micros
        );
        assert_eq!(
            validity.renewal_at().as_micros() - validity.from.as_micros(),
            60 * day_micros
        );
        assert_eq!(Validity::of(&CertificateDer::from(b"none".to_vec())), None);
    }

    proptest! {
        #[test]
        fn renewal_comes_after_more_than_half_and_before_the_end(
            from in -4_000_000_000_000_000_i64..4_000_000_000_000_000,
            lifetime in 100_i64..1_000_000_000_000_000,
        ) {
            let until = Timestamp::from_micros(from + lifetime);
            let validity = Validity { from: Timestamp::from_micros(from), until };
            let used = validity.renewal_at().as_micros() - from;
            prop_assert!(2 * used > lifetime && used < lifetime, "{used} of {lifetime}");
            prop_assert!((3 * used - 2 * lifetime).abs() <= 3);
        }

        #[test]
        fn foreign_bytes_are_read_or_not(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let certificate = CertificateDer::from(bytes);
            let _ = Validity::of(&certificate);
            prop_assert!(!is_for(&certificate, &names(&["a.lan"])));
        }
    }

    #[test]
    fn a_certificate_is_for_all_names_or_not_for_them() {
        let made = rcgen::generate_simple_self_signed(names(&["a.lan", "b.lan", "192.0.2.7"]));
        let made = made.unwrap();
        let check = |asked: &[&str]| is_for(made.cert.der(), &names(asked));
        assert!(check(&["a.lan"]));
        assert!(check(&["b.lan", "192.0.2.7", "A.lan"]));
        assert!(!check(&["a.lan", "c.lan"]));
        assert!(!check(&["192.0.2.8"]));
        assert!(!check(&["no name"]));
        assert!(!is_for(
            &CertificateDer::from(b"none".to_vec()),
            &names(&["a.lan"])
        ));
    }
}
