//! Toxiproxy in its container: a proxy for each way, made and switched through its client library.

use super::engine::Spec;
use super::images::Image;
use super::layout::{Layout, Way};
use super::toxics::Toxics;
use crate::environment::{EnvironmentError, until};
use serde_json::Value;
use squall_proxy::api::toxic_body;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;
use toxiproxy_rust::client::Client;
use toxiproxy_rust::proxy::{Proxy, ProxyPack};

const API: u16 = 8474;
const UP_WITHIN: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(20);
const ANSWERS_WITHIN: Duration = Duration::from_secs(10);

pub fn name(run: &str) -> String {
    format!("{run}-toxiproxy")
}

pub fn spec(run: &str, layout: &Layout) -> Spec {
    let ways = layout.ways().into_iter().map(|way| (way.port, way.port));
    Spec {
        name: name(run),
        image: Image::Toxiproxy,
        environment: Vec::new(),
        command: vec!["-host=0.0.0.0".to_owned()],
        ports: ways.chain([(layout.api_port(), API)]).collect(),
        beside: None,
    }
}

/// The running server.
pub struct Toxiproxy {
    api: SocketAddr,
    proxies: BTreeMap<String, Proxy>,
}

impl Toxiproxy {
    /// Waits for the server, and opens a proxy for every way, to where `upstream` says (`HOST:PORT`).
    ///
    /// # Errors
    /// When it does not answer in time or refuses a proxy.
    pub fn open(
        layout: &Layout,
        upstream: impl Fn(&Way) -> String,
    ) -> Result<Self, EnvironmentError> {
        let api = SocketAddr::from((Ipv4Addr::LOCALHOST, layout.api_port()));
        let failed = |why: String| EnvironmentError::Bus(format!("Toxiproxy at {api}: {why}"));
        // Its client takes a port that listens for a server that answers, and the engine's listens at once.
        let mut answer = Ok(Value::Null);
        until(UP_WITHIN, LOOK_EVERY, || {
            answer = http(api, "GET", "/version", "");
            answer.is_ok()
        });
        answer.map_err(failed)?;
        let packs = |way: &Way| {
            let (name, listen) = (way.proxy(), format!("0.0.0.0:{}", way.port));
            if way.onward == way.port {
                return vec![ProxyPack::new(name, listen, upstream(way))];
            }
            let onward = format!("127.0.0.1:{}", way.onward);
            let second = ProxyPack::new(format!("{name}.onward"), onward.clone(), upstream(way));
            vec![second, ProxyPack::new(name, listen, onward)]
        };
        let packs = layout.ways().iter().flat_map(packs).collect();
        let made = Client::new(api).populate(packs).map_err(failed)?;
        let named = made.into_iter();
        Ok(Self {
            api,
            proxies: named
                .map(|proxy| (proxy.proxy_pack.name.clone(), proxy))
                .collect(),
        })
    }

    /// Lets connections through, or cuts them and takes none.
    pub fn switch(&self, proxy: &str, on: bool) -> Result<(), String> {
        let known = self.proxies.get(proxy);
        let known = known.ok_or_else(|| format!("Toxiproxy has no proxy {proxy}"))?;
        match on {
            true => known.enable(),
            false => known.disable(),
        }
    }

    /// Makes a proxy's toxics these. One at a time and by plain requests: the client library can only take away all at once,
    /// has no `reset_peer`, and does not tell when one is refused.
    pub fn set(&self, proxy: &str, from: &Toxics, to: &Toxics) -> Result<(), String> {
        let toxics = format!("/proxies/{proxy}/toxics");
        for (name, before) in from {
            if to.get(name) != Some(before) {
                http(self.api, "DELETE", &format!("{toxics}/{name}"), "")?;
            }
        }
        for (name, toxic) in to {
            if from.get(name) != Some(toxic) {
                http(self.api, "POST", &toxics, &toxic_body(toxic).to_string())?;
            }
        }
        Ok(())
    }
}

/// # Errors
/// Text for users: nobody answers, or the answer is an error.
pub fn http(api: SocketAddr, method: &str, path: &str, body: &str) -> Result<Value, String> {
    let exchange = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect_timeout(&api, ANSWERS_WITHIN)?;
        stream.set_read_timeout(Some(ANSWERS_WITHIN))?;
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: {api}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    let answer = exchange().map_err(|error| format!("{method} {path}: {error}"))?;
    let status = answer.split(' ').nth(1).unwrap_or_default();
    let content = answer.split("\r\n\r\n").nth(1).unwrap_or_default();
    match status.starts_with('2') {
        true => Ok(serde_json::from_str(content).unwrap_or(Value::Null)),
        false => Err(format!("{method} {path}: {status} {}", content.trim())),
    }
}
