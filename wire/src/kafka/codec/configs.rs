//! DescribeConfigs, for topics and brokers.

use super::reader::{Malformed, Reader};
use super::writer::Writer;
use squall_model::kafka::ErrorCode;

pub const RESOURCE_TOPIC: i8 = 2;
pub const RESOURCE_BROKER: i8 = 4;

/// A resource whose configuration is asked for; `keys` of `None` is all of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConfigResource {
    pub kind: i8,
    pub name: String,
    pub keys: Option<Vec<String>>,
}

/// The configuration of a resource: name, value, whether it is the default.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DescribedResource {
    pub resource: ConfigResource,
    pub error: ErrorCode,
    pub entries: Vec<(String, String, bool)>,
}

pub fn read_describe(r: &mut Reader<'_>, version: i16) -> Result<Vec<ConfigResource>, Malformed> {
    let resources = r.array(|r| {
        let kind = r.i8()?;
        let name = r.string()?.to_owned();
        let keys = r.nullable_array(|r| r.string().map(str::to_owned))?;
        r.tags()?;
        Ok(ConfigResource { kind, name, keys })
    })?;
    let _include_synonyms = r.bool()?;
    if version >= 3 {
        let _include_documentation = r.bool()?;
    }
    r.tags()?;
    Ok(resources)
}

pub fn write_describe<X>(w: &mut Writer<X>, version: i16, described: &[DescribedResource]) {
    w.i32(0);
    w.array(described.iter(), |w, d| {
        let wanted = |name: &String| d.resource.keys.as_ref().is_none_or(|k| k.contains(name));
        let entries: Vec<_> = d
            .entries
            .iter()
            .filter(|(name, _, _)| wanted(name))
            .collect();
        w.i16(d.error.code());
        w.nullable_string(None);
        w.i8(d.resource.kind);
        w.string(&d.resource.name);
        w.array(entries.into_iter(), |w, entry| {
            write_entry(w, version, d.resource.kind, entry);
        });
        w.tags();
    });
    w.tags();
}

fn write_entry<X>(
    w: &mut Writer<X>,
    version: i16,
    kind: i8,
    (name, value, default): &(String, String, bool),
) {
    /// `DescribeConfigsResponse.ConfigSource`.
    const TOPIC: i8 = 1;
    const STATIC_BROKER: i8 = 4;
    const DEFAULT: i8 = 5;
    let source = match (default, kind) {
        (true, _) => DEFAULT,
        (false, RESOURCE_TOPIC) => TOPIC,
        (false, _) => STATIC_BROKER,
    };
    w.string(name);
    w.nullable_string(Some(value));
    w.bool(kind == RESOURCE_BROKER); // read only
    w.i8(source);
    w.bool(false); // sensitive
    w.array_length(0); // synonyms
    if version >= 3 {
        w.i8(0); // type: unknown
        w.nullable_string(None); // documentation
    }
    w.tags();
}
