//! `squall serve proxy`: the fault proxy alone, before anything, or before a Kafka cluster that is not ours.

use crate::exit::{Exit, Failure};
use clap::Args;
use squall_proxy::kafka::Address;
use squall_proxy::serve::{ServeError, ServeOptions, Upstream, serve};
use squall_proxy::tls::{ClientSide, UpstreamSide};
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::mpsc::Receiver;

#[derive(Args)]
pub struct ProxyArgs {
    /// Where the HTTP API listens; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8474")]
    api: SocketAddr,
    /// Proxies to begin with: a JSON list, as `POST /populate` and Toxiproxy's own -config take it
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Stand before a Kafka cluster: kafka://HOST:PORT[,HOST:PORT...], or kafka+tls://. Prints `bootstrap.servers` for its clients
    #[arg(long, value_name = "URL", value_parser = upstream)]
    upstream: Option<(Vec<Address>, bool)>,
    /// Who may have signed the cluster's certificates (PEM) [default: whom this system trusts]
    #[arg(long, value_name = "FILE", requires = "upstream")]
    upstream_ca: Option<PathBuf>,
    /// Certificate chain to show to a cluster that asks for one (PEM)
    #[arg(long, value_name = "FILE", requires_all = ["upstream", "upstream_key"])]
    upstream_cert: Option<PathBuf>,
    /// Its key (PEM)
    #[arg(long, value_name = "FILE", requires = "upstream_cert")]
    upstream_key: Option<PathBuf>,
    /// Speak TLS with clients of the cluster: the proxy's own certificate chain (PEM)
    #[arg(long, value_name = "FILE", requires_all = ["upstream", "tls_key"])]
    tls_cert: Option<PathBuf>,
    /// Its key (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Clients must show a certificate that one of these signed (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_client_ca: Option<PathBuf>,
    /// Seed of all random draws: which connections a toxic acts on, jitter, sizes of slices
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

/// The bootstrap addresses, and whether TLS is spoken with them.
fn upstream(text: &str) -> Result<(Vec<Address>, bool), String> {
    let (hosts, tls) = match text.split_once("://") {
        Some(("kafka", hosts)) => (hosts, false),
        Some(("kafka+tls", hosts)) => (hosts, true),
        _ => return Err("write kafka://HOST:PORT, or kafka+tls://HOST:PORT".to_owned()),
    };
    let addresses: Result<Vec<_>, _> = hosts
        .trim_end_matches('/')
        .split(',')
        .map(address)
        .collect();
    Ok((addresses?, tls))
}

fn address(text: &str) -> Result<Address, String> {
    let wrong = || format!("`{text}` is not HOST:PORT");
    let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let port = port.parse().map_err(|_| wrong())?;
    match host.is_empty() {
        true => Err(wrong()),
        false => Ok(Address::new(host, port)),
    }
}

/// Serves until `stopped` brings something.
pub fn run(
    args: &ProxyArgs,
    stopped: &Receiver<()>,
    mut out: &mut dyn Write,
) -> Result<Exit, Failure> {
    let options = ServeOptions {
        api: args.api,
        config: args.config.clone(),
        upstream: stand_before(args)?,
        seed: args.seed,
    };
    serve(&options, &mut out, stopped).map_err(|error| match error {
        ServeError::Config { .. } | ServeError::Read { .. } | ServeError::Tls(_) => {
            Failure::bad_input(error.to_string())
        }
        _ => Failure::environment(error.to_string()),
    })?;
    Ok(Exit::Held)
}

fn stand_before(args: &ProxyArgs) -> Result<Option<Upstream>, Failure> {
    let Some((bootstrap, speaks_tls)) = args.upstream.clone() else {
        return Ok(None);
    };
    let tls = UpstreamSide {
        ca: args.upstream_ca.clone(),
        identity: args.upstream_cert.clone().zip(args.upstream_key.clone()),
    };
    if !speaks_tls && tls != UpstreamSide::default() {
        let message = "--upstream-ca and --upstream-cert are for a cluster with TLS";
        return Err(Failure::bad_input(message).hint("write --upstream kafka+tls://HOST:PORT"));
    }
    let own = args.tls_cert.clone().zip(args.tls_key.clone());
    Ok(Some(Upstream {
        bootstrap,
        tls: speaks_tls.then_some(tls),
        client_tls: own.map(|(certificates, key)| ClientSide {
            certificates,
            key,
            client_ca: args.tls_client_ca.clone(),
        }),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upstream_is_a_scheme_and_addresses() {
        let of = |hosts: &[(&str, u16)], tls| {
            let addresses = hosts.iter().map(|(host, port)| Address::new(host, *port));
            Ok((addresses.collect(), tls))
        };
        assert_eq!(
            upstream("kafka://a:1,b:2"),
            of(&[("a", 1), ("b", 2)], false)
        );
        assert_eq!(
            upstream("kafka+tls://[::1]:9093/"),
            of(&[("::1", 9093)], true)
        );
        for wrong in [
            "a:1",
            "http://a:1",
            "kafka://a",
            "kafka://:1",
            "kafka://a:b",
            "kafka://",
        ] {
            assert!(upstream(wrong).is_err(), "{wrong}");
        }
    }
}
