//! From PEM files to what a session needs.

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use thiserror::Error;

/// Which certificates the clients of the proxy see, and must show.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClientSide {
    /// Chain of the proxy's own certificate, leaf first.
    pub certificates: PathBuf,
    pub key: PathBuf,
    /// Clients must show a certificate that one of these signed.
    pub client_ca: Option<PathBuf>,
}

/// Which certificates of the upstream are believed, and what is shown to it.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct UpstreamSide {
    /// Who may have signed the upstream's certificate. `None`: whom the system trusts.
    pub ca: Option<PathBuf>,
    /// Chain and key to be shown to an upstream that asks for them.
    pub identity: Option<(PathBuf, PathBuf)>,
}

/// Why files are of no use for TLS.
#[derive(Debug, Error)]
pub enum PemError {
    #[error("{}: {reason}; {want}", path.display())]
    File {
        path: PathBuf,
        reason: String,
        want: &'static str,
    },
    #[error(
        "{} and {} do not make an identity: {error}; give the certificate chain, leaf first, and the key that belongs to the leaf",
        certificates.display(), key.display()
    )]
    Identity {
        certificates: PathBuf,
        key: PathBuf,
        error: rustls::Error,
    },
    #[error(
        "no certificate authority is known to this system: name the cluster's own by --upstream-ca FILE"
    )]
    NoRoots,
}

const CERTIFICATES: &str = "it must hold certificates as `-----BEGIN CERTIFICATE-----`";
const KEY: &str = "it must hold one unencrypted key as `-----BEGIN PRIVATE KEY-----`";

/// For sessions with clients.
///
/// # Errors
/// When a file cannot be read or does not hold what it should.
pub fn accept(side: &ClientSide) -> Result<Arc<ServerConfig>, PemError> {
    let builder = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| identity(&side.certificates, &side.key, error))?;
    let builder = match &side.client_ca {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let roots = Arc::new(roots(path)?);
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider());
            let verifier = verifier.build().map_err(|error| PemError::File {
                path: path.clone(),
                reason: error.to_string(),
                want: CERTIFICATES,
            })?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let (chain, key) = (certificates(&side.certificates)?, key(&side.key)?);
    let config = builder.with_single_cert(chain, key);
    let config = config.map_err(|error| identity(&side.certificates, &side.key, error))?;
    Ok(Arc::new(config))
}

/// For sessions with upstreams.
///
/// # Errors
/// When a file cannot be read or does not hold what it should, or nobody is trusted.
pub fn connect(side: &UpstreamSide) -> Result<Arc<ClientConfig>, PemError> {
    let roots = match &side.ca {
        Some(path) => roots(path)?,
        None => system_roots()?,
    };
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|_| PemError::NoRoots)?
        .with_root_certificates(roots);
    let config = match &side.identity {
        None => builder.with_no_client_auth(),
        Some((chain, private)) => builder
            .with_client_auth_cert(certificates(chain)?, key(private)?)
            .map_err(|error| identity(chain, private, error))?,
    };
    Ok(Arc::new(config))
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn identity(certificates: &Path, key: &Path, error: rustls::Error) -> PemError {
    PemError::Identity {
        certificates: certificates.to_owned(),
        key: key.to_owned(),
        error,
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, PemError> {
    let failed = |reason: String| PemError::File {
        path: path.to_owned(),
        reason,
        want: CERTIFICATES,
    };
    let read = CertificateDer::pem_file_iter(path).map_err(|error| failed(error.to_string()))?;
    let chain: Result<Vec<_>, _> = read.collect();
    let chain = chain.map_err(|error| failed(error.to_string()))?;
    match chain.is_empty() {
        true => Err(failed("there is no certificate in it".to_owned())),
        false => Ok(chain),
    }
}

fn key(path: &Path) -> Result<PrivateKeyDer<'static>, PemError> {
    PrivateKeyDer::from_pem_file(path).map_err(|error| PemError::File {
        path: path.to_owned(),
        reason: error.to_string(),
        want: KEY,
    })
}

fn roots(path: &Path) -> Result<RootCertStore, PemError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(|error| PemError::File {
            path: path.to_owned(),
            reason: error.to_string(),
            want: CERTIFICATES,
        })?;
    }
    Ok(roots)
}

fn system_roots() -> Result<RootCertStore, PemError> {
    let mut roots = RootCertStore::empty();
    // Those that cannot be read count as not there, as in every other client.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    match roots.is_empty() {
        true => Err(PemError::NoRoots),
        false => Ok(roots),
    }
}
