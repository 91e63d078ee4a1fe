//! What mends a certificate of the upstream that is not believed.

use rustls::{CertificateError as Why, Error};

/// A question or an order for whoever reads why TLS with the upstream failed.
pub(crate) fn advice(error: &Error) -> &'static str {
    let Error::InvalidCertificate(why) = error else {
        return "is it a listener with TLS, and does it take our certificate?";
    };
    match why {
        Why::UnknownIssuer | Why::BadSignature => {
            "name the authority that signed its certificate by --upstream-ca (ssl.ca.location)"
        }
        Why::NotValidForName | Why::NotValidForNameContext { .. } => {
            "its certificate must have this host among its subject alternative names; connect by a name that it has"
        }
        Why::Expired
        | Why::ExpiredContext { .. }
        | Why::NotValidYet
        | Why::NotValidYetContext { .. } => {
            "renew its certificate, or set this machine's clock right"
        }
        // What the verifier finds and rustls has no name for.
        other if format!("{other:?}").contains("CaUsedAsEndEntity") => {
            "it shows an authority's own certificate: let that sign one for the broker (basicConstraints=CA:FALSE), and name the authority by --upstream-ca (ssl.ca.location)"
        }
        _ => {
            "have its certificate made anew by the authority that --upstream-ca (ssl.ca.location) names"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_is_mended_in_its_own_way() {
        let told = |why: Why| advice(&Error::InvalidCertificate(why));
        assert!(told(Why::UnknownIssuer).contains("--upstream-ca"));
        assert!(told(Why::NotValidForName).contains("alternative names"));
        assert!(told(Why::Expired).contains("renew"));
        assert!(told(Why::BadEncoding).contains("anew"));
        assert!(advice(&Error::HandshakeNotComplete).contains("listener with TLS"));
    }
}
