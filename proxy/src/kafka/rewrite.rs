//! Answers that carry addresses of brokers, and what versions clients may use.
//!
//! Only the way to the addresses is read. Everything else, tagged fields that nobody knows too, is copied as it is.

use super::address::{Address, AddressMap, Endpoint};
use super::api::{
    API_VERSIONS, Api, DESCRIBE_CLUSTER, FETCH, FIND_COORDINATOR, METADATA, PRODUCE,
    SHARE_ACKNOWLEDGE, SHARE_FETCH,
};
use super::edit::Edits;
use super::reader::{Malformed, Reader, Result};
use super::writer::Writer;
use bytes::{Bytes, BytesMut};

const UNSUPPORTED_VERSION: i16 = 35;
/// Length and correlation id.
const HEADER: usize = 8;

/// What became of an answer.
#[derive(Debug)]
pub enum Rewritten {
    Same,
    Changed(BytesMut),
    /// It names brokers that have no advertised address.
    Unknown(Vec<Endpoint>),
}

/// Whether answers of this version may carry an address or name versions.
pub fn is_needed(key: i16, version: i16) -> bool {
    match key {
        METADATA | FIND_COORDINATOR | DESCRIBE_CLUSTER | API_VERSIONS => true,
        SHARE_FETCH | SHARE_ACKNOWLEDGE => true,
        // KIP-951
        PRODUCE => version >= 10,
        FETCH => version >= 16,
        _ => false,
    }
}

/// Rewrites a whole answer frame.
///
/// # Errors
/// When it cannot be decoded.
pub fn rewrite(key: i16, version: i16, frame: &[u8], map: &AddressMap) -> Result<Rewritten> {
    let unknown_version = Malformed::UnknownVersion { api: key, version };
    let api = Api::from_key(key).filter(|api| api.knows(version));
    let api = api.ok_or(unknown_version)?;
    let mut walk = Walk {
        r: Reader::new(frame, api.is_flexible(version)),
        map,
        edits: Edits::default(),
        unknown: Vec::new(),
    };
    walk.r.skip(HEADER)?;
    if api.has_flexible_answer_header(version) {
        walk.r.tags()?;
    }
    match key {
        METADATA => walk.metadata(version)?,
        FIND_COORDINATOR => walk.find_coordinator(version)?,
        DESCRIBE_CLUSTER => walk.describe_cluster()?,
        PRODUCE => walk.produce(version)?,
        FETCH => walk.fetch()?,
        SHARE_FETCH => walk.share_fetch()?,
        SHARE_ACKNOWLEDGE => walk.share_acknowledge()?,
        API_VERSIONS => walk.api_versions()?,
        _ => {}
    }
    Ok(match (walk.unknown.is_empty(), walk.edits.is_empty()) {
        (false, _) => Rewritten::Unknown(walk.unknown),
        (true, true) => Rewritten::Same,
        (true, false) => Rewritten::Changed(walk.edits.apply(frame)),
    })
}

/// The answer to an ApiVersions request that is newer than anything known here: version 0, naming only itself (KIP-511).
pub fn unsupported_api_versions(correlation: i32) -> Bytes {
    let mut w = Writer::answer(correlation, false, false);
    w.i16(UNSUPPORTED_VERSION);
    let known = Api::from_key(API_VERSIONS).copied();
    w.array(known.as_slice(), |w, api| {
        w.i16(api.key);
        w.i16(api.first());
        w.i16(api.last);
    });
    w.finish()
}

struct Walk<'a> {
    r: Reader<'a>,
    map: &'a AddressMap,
    edits: Edits,
    unknown: Vec<Endpoint>,
}

type Element = fn(&mut Walk<'_>) -> Result<()>;

impl Walk<'_> {
    fn array(&mut self, mut element: impl FnMut(&mut Self) -> Result<()>) -> Result<()> {
        for _ in 0..self.r.array_length()? {
            element(self)?;
        }
        Ok(())
    }

    /// Node id, host, port: the same in every answer.
    fn endpoint(&mut self) -> Result<()> {
        let node = self.r.i32()?;
        let from = self.r.at();
        let host = self.r.string()?;
        let port = self.r.i32()?;
        // Nobody: no coordinator, no leader.
        if host.is_empty() || node < 0 {
            return Ok(());
        }
        match self.map.lookup(node, host, port) {
            Some(address) if address.host == host && i32::from(address.port) == port => {}
            Some(address) => {
                let mut w = Writer::part(self.r.is_flexible());
                w.string(&address.host);
                w.i32(i32::from(address.port));
                self.edits.replace(from..self.r.at(), w.into_part());
            }
            None => self.unknown.push(Endpoint {
                node,
                address: Address {
                    host: host.to_owned(),
                    port: u16::try_from(port).unwrap_or(0),
                },
            }),
        }
        Ok(())
    }

    /// Endpoint, rack.
    fn node(&mut self) -> Result<()> {
        self.endpoint()?;
        self.r.nullable_string()?;
        self.r.tags()
    }

    fn metadata(&mut self, version: i16) -> Result<()> {
        if version >= 3 {
            self.r.i32()?;
        }
        self.array(|walk| {
            walk.endpoint()?;
            if version >= 1 {
                walk.r.nullable_string()?;
            }
            walk.r.tags()
        })
    }

    fn find_coordinator(&mut self, version: i16) -> Result<()> {
        if version >= 1 {
            self.r.i32()?;
        }
        if version >= 4 {
            return self.array(|walk| {
                walk.r.string()?;
                walk.endpoint()?;
                walk.r.i16()?;
                walk.r.nullable_string()?;
                walk.r.tags()
            });
        }
        self.r.i16()?;
        if version >= 1 {
            self.r.nullable_string()?;
        }
        self.endpoint()
    }

    fn describe_cluster(&mut self) -> Result<()> {
        self.r.i32()?;
        self.r.i16()?;
        self.r.nullable_string()?;
        self.r.string()?;
        self.r.i32()?;
        self.array(Self::node)
    }

    fn topic(&mut self, has_id: bool) -> Result<()> {
        match has_id {
            true => self.r.skip(16),
            false => self.r.string().map(|_| ()),
        }
    }

    fn topics(&mut self, has_id: bool, partition: Element) -> Result<()> {
        self.array(|walk| {
            walk.topic(has_id)?;
            walk.array(partition)?;
            walk.r.tags()
        })
    }

    /// From version 10 on.
    fn produce(&mut self, version: i16) -> Result<()> {
        if version < 10 {
            return Ok(());
        }
        self.topics(version >= 13, |walk| {
            // Index, error, base offset, append time, log start offset.
            walk.r.skip(4 + 2 + 8 + 8 + 8)?;
            walk.array(|walk| {
                walk.r.i32()?;
                walk.r.nullable_string()?;
                walk.r.tags()
            })?;
            walk.r.nullable_string()?;
            walk.r.tags()
        })?;
        self.r.i32()?;
        self.tagged_nodes()
    }

    /// From version 16 on.
    fn fetch(&mut self) -> Result<()> {
        // Throttle time, error, session.
        self.r.skip(4 + 2 + 4)?;
        self.topics(true, |walk| {
            // Index, error, high watermark, last stable offset, log start offset.
            walk.r.skip(4 + 2 + 8 + 8 + 8)?;
            walk.array(|walk| {
                walk.r.skip(8 + 8)?;
                walk.r.tags()
            })?;
            walk.r.i32()?;
            walk.r.skip_bytes()?;
            walk.r.tags()
        })?;
        self.tagged_nodes()
    }

    fn share_fetch(&mut self) -> Result<()> {
        // Throttle time, error.
        self.r.skip(4 + 2)?;
        self.r.nullable_string()?;
        self.r.i32()?;
        self.topics(true, |walk| {
            walk.r.skip(4 + 2)?;
            walk.r.nullable_string()?;
            walk.r.i16()?;
            walk.r.nullable_string()?;
            walk.leader()?;
            walk.r.skip_bytes()?;
            walk.array(|walk| {
                walk.r.skip(8 + 8 + 2)?;
                walk.r.tags()
            })?;
            walk.r.tags()
        })?;
        self.array(Self::node)
    }

    fn share_acknowledge(&mut self) -> Result<()> {
        self.r.skip(4 + 2)?;
        self.r.nullable_string()?;
        self.topics(true, |walk| {
            walk.r.skip(4 + 2)?;
            walk.r.nullable_string()?;
            walk.leader()?;
            walk.r.tags()
        })?;
        self.array(Self::node)
    }

    /// Id and epoch.
    fn leader(&mut self) -> Result<()> {
        self.r.skip(4 + 4)?;
        self.r.tags()
    }

    /// The tag section that ends Produce and Fetch answers: tag 0 holds the endpoints of new leaders (KIP-951).
    fn tagged_nodes(&mut self) -> Result<()> {
        for _ in 0..self.r.uvarint()? {
            let tag = self.r.uvarint()?;
            let before_size = self.r.at();
            let size = self.r.uvarint()? as usize;
            let from = self.r.at();
            if tag != 0 {
                self.r.skip(size)?;
                continue;
            }
            let edits = self.edits.len();
            self.array(Self::node)?;
            if self.r.at() - from != size {
                return Err(Malformed::BadLength);
            }
            let growth = self.edits.growth(edits);
            if growth != 0 {
                let grown = size as i64 + growth;
                let mut w = Writer::part(true);
                w.uvarint(u32::try_from(grown).map_err(|_| Malformed::BadLength)?);
                self.edits.insert(edits, before_size..from, w.into_part());
            }
        }
        Ok(())
    }

    /// Leaves out what is not known here and lowers last versions to what is. First versions stay, Produce's 0 above all: without it
    /// librdkafka disables compression (KAFKA-18659).
    fn api_versions(&mut self) -> Result<()> {
        if self.r.i16()? == UNSUPPORTED_VERSION {
            // Version 0, whatever was asked for.
            self.r.set_flexible(false);
        }
        let from = self.r.at();
        let mut listed = Vec::new();
        self.array(|walk| {
            let range = (walk.r.i16()?, walk.r.i16()?, walk.r.i16()?);
            walk.r.tags()?;
            listed.push(range);
            Ok(())
        })?;
        let clamped: Vec<_> = listed.iter().filter_map(|range| clamp(*range)).collect();
        if clamped == listed {
            return Ok(());
        }
        let mut w = Writer::part(self.r.is_flexible());
        w.array(&clamped, |w, (key, first, last)| {
            w.i16(*key);
            w.i16(*first);
            w.i16(*last);
            w.tags();
        });
        self.edits.replace(from..self.r.at(), w.into_part());
        Ok(())
    }
}

fn clamp((key, first, last): (i16, i16, i16)) -> Option<(i16, i16, i16)> {
    let api = Api::from_key(key)?;
    let (first, last) = (first.max(api.first()), last.min(api.last));
    (first <= last).then_some((key, first, last))
}
