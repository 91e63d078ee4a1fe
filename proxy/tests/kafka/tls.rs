//! TLS on either side of a front. A cluster behind TLS is a front of its own: it speaks TLS with its clients and plain with the brokers.

use super::common::{Fixture, duplicates, produce, producer, read_all, start, wait_for};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rdkafka::producer::Producer;
use squall_proxy::kafka::{Address, FrontConfig, FrontTls, KafkaFront};
use squall_proxy::tls::{self, ClientSide, OnFailure, UpstreamSide};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

const COUNT: usize = 500;

/// An authority with one certificate for loopback that it has signed.
struct Authority {
    folder: TempDir,
}

impl Authority {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let issuer = CertifiedIssuer::self_signed(params, key).expect("an authority");
        let params = CertificateParams::new(["127.0.0.1".to_owned(), "localhost".to_owned()]);
        let key = KeyPair::generate().expect("a key");
        let leaf = params.expect("names").signed_by(&key, &issuer);
        let authority = Self { folder };
        authority.write("ca.pem", &issuer.pem());
        authority.write("leaf.pem", &leaf.expect("a certificate").pem());
        authority.write("leaf.key", &key.serialize_pem());
        authority
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.file(name), text).expect("written");
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn identity(&self) -> (PathBuf, PathBuf) {
        (self.file("leaf.pem"), self.file("leaf.key"))
    }

    /// A server of this authority's, which demands a certificate of `clients`.
    fn server(&self, clients: Option<&Self>) -> FrontTls {
        let side = ClientSide {
            certificates: self.file("leaf.pem"),
            key: self.file("leaf.key"),
            client_ca: clients.map(|clients| clients.file("ca.pem")),
        };
        FrontTls {
            client: Some(tls::accept(&side).expect("an identity")),
            ..FrontTls::default()
        }
    }
}

fn trusting(ca: &Path, identity: Option<(PathBuf, PathBuf)>) -> FrontTls {
    let side = UpstreamSide {
        ca: Some(ca.to_owned()),
        identity,
    };
    FrontTls {
        upstream: Some(tls::connect(&side).expect("an authority")),
        ..FrontTls::default()
    }
}

fn addresses(bootstrap: &str) -> Vec<Address> {
    let address = |text: &str| {
        let socket: SocketAddr = text.parse().expect("an address");
        Address::new(&socket.ip().to_string(), socket.port())
    };
    bootstrap.split(',').map(address).collect()
}

/// The cluster behind TLS.
fn behind_tls(fixture: &Fixture, tls: FrontTls) -> KafkaFront {
    let brokers: Vec<_> = fixture
        .cluster
        .addresses()
        .iter()
        .map(ToString::to_string)
        .collect();
    let config = FrontConfig {
        tls,
        ..FrontConfig::new("cluster", addresses(&brokers.join(",")))
    };
    KafkaFront::open(&fixture.engine, config).expect("a front")
}

fn front(fixture: &Fixture, cluster: &KafkaFront, tls: FrontTls) -> Result<KafkaFront, String> {
    let config = FrontConfig {
        tls,
        ..FrontConfig::new("orders", addresses(&cluster.bootstrap()))
    };
    KafkaFront::open(&fixture.engine, config).map_err(|error| error.to_string())
}

/// The cluster behind TLS, and a front that trusts it.
fn through_tls(fixture: &Fixture, authority: &Authority) -> (KafkaFront, KafkaFront) {
    let cluster = behind_tls(fixture, authority.server(None));
    let trusted = trusting(&authority.file("ca.pem"), None);
    let front = front(fixture, &cluster, trusted).expect("a front");
    (cluster, front)
}

#[test]
fn plain_clients_reach_a_cluster_behind_tls_and_lose_nothing() {
    let (fixture, authority) = (start(), Authority::new());
    let (_cluster, front) = through_tls(&fixture, &authority);
    let producer = producer(&front, &[]);
    let acknowledged = produce(&producer, COUNT);
    assert_eq!(acknowledged.len(), COUNT);
    let read = read_all(&front);
    assert_eq!((read.len(), duplicates(&acknowledged, &read)), (COUNT, 0));
    let seen = front.flows().snapshot();
    assert!(seen.values().any(|flow| flow.rewritten > 0), "{seen:?}");
}

#[test]
fn a_connection_cut_in_the_middle_is_survived() {
    let (fixture, authority) = (start(), Authority::new());
    let (cluster, front) = through_tls(&fixture, &authority);
    let producer = producer(&front, &[("enable.idempotence", "true")]);
    let acknowledged = std::thread::scope(|scope| {
        let producing = scope.spawn(|| produce(&producer, 20 * COUNT));
        wait_for("some are told", || {
            !producer.context().acknowledged().is_empty()
        });
        for proxy in front.proxies().values().chain(cluster.proxies().values()) {
            fixture.engine.cut(proxy).unwrap();
        }
        producing.join().unwrap()
    });
    assert_eq!(acknowledged.len(), 20 * COUNT);
    assert_eq!(duplicates(&acknowledged, &read_all(&front)), 0);
}

#[test]
fn a_cluster_that_demands_a_certificate_gets_it() {
    let (fixture, authority, ours) = (start(), Authority::new(), Authority::new());
    let cluster = behind_tls(&fixture, authority.server(Some(&ours)));
    let ca = authority.file("ca.pem");
    let refused = front(&fixture, &cluster, trusting(&ca, None)).map(|front| front.proxies());
    // In TLS 1.3 the client learns of it only from what it reads next: as of a cluster that tells only those who log in.
    assert!(refused.is_ok_and(|brokers| brokers.is_empty()));
    let front = front(&fixture, &cluster, trusting(&ca, Some(ours.identity()))).unwrap();
    assert_eq!(produce(&producer(&front, &[]), 10).len(), 10);
}

#[test]
fn a_certificate_that_nobody_trusts_is_told() {
    let (fixture, authority, other) = (start(), Authority::new(), Authority::new());
    let cluster = behind_tls(&fixture, authority.server(None));
    let told = front(&fixture, &cluster, trusting(&other.file("ca.pem"), None)).map(|_| ());
    let told = told.unwrap_err();
    assert!(told.starts_with("no TLS with 127.0.0.1:"), "{told}");
    assert!(told.contains("invalid peer certificate"), "{told}");
    assert!(told.contains("by --upstream-ca"), "{told}");
}

#[test]
fn a_client_that_does_not_speak_tls_is_told_of() {
    let (fixture, authority) = (start(), Authority::new());
    let told = Arc::new(Mutex::new(Vec::new()));
    let heard = told.clone();
    let tls = FrontTls {
        on_failure: OnFailure::new(move |line| {
            heard.lock().expect("not poisoned").push(line.to_owned())
        }),
        ..authority.server(None)
    };
    let cluster = behind_tls(&fixture, tls);
    // It has no answer to a plain request: as of a cluster that tells only those who log in.
    let front = front(&fixture, &cluster, FrontTls::default()).unwrap();
    assert!(front.proxies().is_empty());
    wait_for("the failure is told", || {
        !told.lock().expect("not poisoned").is_empty()
    });
    let line = told.lock().expect("not poisoned")[0].clone();
    assert!(line.starts_with("cluster-"), "{line}");
    assert!(line.contains("TLS with a client failed"), "{line}");
}

#[test]
fn files_that_hold_something_else_are_told() {
    let authority = Authority::new();
    let side = ClientSide {
        certificates: authority.file("leaf.key"),
        key: authority.file("leaf.key"),
        client_ca: None,
    };
    let told = tls::accept(&side).map(|_| ()).unwrap_err().to_string();
    assert!(
        told.ends_with("it must hold certificates as `-----BEGIN CERTIFICATE-----`"),
        "{told}"
    );
    let other = Authority::new();
    let side = ClientSide {
        certificates: authority.file("leaf.pem"),
        key: other.file("leaf.key"),
        client_ca: None,
    };
    let told = tls::accept(&side).map(|_| ()).unwrap_err().to_string();
    assert!(told.contains("do not make an identity"), "{told}");
}
