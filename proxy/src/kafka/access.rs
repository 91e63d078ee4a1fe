//! How a cluster that is not ours lets one in.

use super::address::{Address, Endpoint};
use super::discover::{self, DiscoverError};
use super::sasl::{Login, SaslFactory};
use crate::layer::LayerFactory;
use crate::tls::{OnFailure, PeerName, TlsFactory, TlsSides};
use rustls::ClientConfig;
use rustls::pki_types::InvalidDnsNameError;
use std::sync::Arc;

/// TLS and a login, either or neither. The proxy sees to both, and its clients to nothing.
#[derive(Clone, Default, Debug)]
pub struct Access {
    pub tls: Option<Arc<ClientConfig>>,
    pub login: Option<Arc<Login>>,
    /// Told why a connection could not be made, without any secret.
    pub on_failure: OnFailure,
}

impl Access {
    /// The brokers of a cluster, as the first of these addresses that answers names them.
    ///
    /// # Errors
    /// When none answers. Waits at most 5 s for each step at each address.
    pub fn brokers(&self, bootstrap: &[Address]) -> Result<Vec<Endpoint>, DiscoverError> {
        let mut failed = None;
        for address in bootstrap {
            match discover::brokers(address, self.tls.as_ref(), self.login.as_ref()) {
                Ok(brokers) => return Ok(brokers),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        failed.map_or(Ok(Vec::new()), Err)
    }

    /// Layers of connections to a broker: what `inner` makes, inside the login, inside TLS.
    ///
    /// # Errors
    /// When no certificate can be for this host.
    pub fn around(
        &self,
        mut inner: Arc<dyn LayerFactory>,
        host: &str,
    ) -> Result<Arc<dyn LayerFactory>, InvalidDnsNameError> {
        if let Some(login) = self.login.clone() {
            inner = Arc::new(SaslFactory {
                login,
                inner,
                on_failure: self.on_failure.clone(),
            });
        }
        if let Some(config) = self.tls.clone() {
            inner = Arc::new(TlsFactory {
                sides: TlsSides {
                    client: None,
                    upstream: Some((config, PeerName::new(host)?)),
                },
                inner,
                on_failure: self.on_failure.clone(),
            });
        }
        Ok(inner)
    }
}
