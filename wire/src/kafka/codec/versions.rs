//! ApiVersions (KIP-35, KIP-511).

use super::api::Api;
use super::reader::{Malformed, Reader};
use super::writer::Writer;

const UNSUPPORTED_VERSION: i16 = 35;

pub fn read(r: &mut Reader<'_>, version: i16) -> Result<(), Malformed> {
    if version >= 3 {
        let _software_name = r.string()?;
        let _software_version = r.string()?;
    }
    r.tags()
}

pub fn write<X>(w: &mut Writer<X>, version: i16) {
    write_apis(w, 0, Api::ALL);
    if version >= 1 {
        w.i32(0);
    }
    w.tags();
}

/// The answer to a version that is not served: version 0, naming only what ApiVersions itself supports.
pub fn write_unsupported<X>(w: &mut Writer<X>) {
    write_apis(w, UNSUPPORTED_VERSION, &[Api::ApiVersions]);
}

fn write_apis<X>(w: &mut Writer<X>, error: i16, apis: &[Api]) {
    w.i16(error);
    w.array(apis.iter(), |w, api| {
        let (first, last) = api.advertised();
        w.i16(*api as i16);
        w.i16(first);
        w.i16(last);
        w.tags();
    });
}
