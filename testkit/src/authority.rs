//! Somebody who signs certificates for tests.

#[cfg(feature = "acme")]
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
};

/// Somebody who signs certificates.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key, both as PEM.
pub struct Signed {
    /// The certificate.
    pub certificate: String,
    /// Its key.
    pub key: String,
}

impl Authority {
    /// One of this name.
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().expect("a key can be made");
        Self(CertifiedIssuer::self_signed(params, key).expect("a certificate can be made"))
    }

    /// Its own certificate, as PEM.
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate for a host, by name or number.
    pub fn sign(&self, host: &str) -> Signed {
        let names = vec![host.to_owned()];
        let mut params = CertificateParams::new(names).expect("a name or a number");
        params.distinguished_name.push(DnType::CommonName, host);
        let key = KeyPair::generate().expect("a key can be made");
        let signed = params.signed_by(&key, &self.0);
        Signed {
            certificate: signed.expect("a certificate can be made").pem(),
            key: key.serialize_pem(),
        }
    }

    /// A certificate for what a signing request asks for, from now on and so long; a second earlier, for clocks that are cut.
    #[cfg(feature = "acme")]
    pub fn sign_request(
        &self,
        mut request: rcgen::CertificateSigningRequestParams,
        lifetime: Duration,
    ) -> rcgen::Certificate {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let now = now.expect("it is after 1970").as_secs();
        let at = |secs| rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(secs);
        request.params.not_before = at(now - 1);
        request.params.not_after = at(now + lifetime.as_secs());
        request
            .signed_by(&self.0)
            .expect("a certificate can be made")
    }
}
