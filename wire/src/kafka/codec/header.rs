//! The request header, versions 1 and 2.

use super::api::Api;
use super::reader::{Malformed, Reader};

/// Which request a frame holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RequestHeader<'a> {
    pub api: Api,
    pub version: i16,
    pub correlation: i32,
    pub client_id: Option<&'a str>,
    /// An ApiVersions request of a version that is not served: its body must not be read, and the answer has version 0 (KIP-511).
    pub unsupported_api_versions: bool,
}

impl<'a> RequestHeader<'a> {
    /// Reads the header and leaves the reader at the body, set to the request's encoding.
    ///
    /// # Errors
    /// When the frame is too short, the API unknown or the version not served.
    pub fn read(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let key = reader.i16()?;
        let version = reader.i16()?;
        let correlation = reader.i32()?;
        let api = Api::from_key(key).ok_or(Malformed::UnknownApi(key))?;
        if let Err(error) = api.check_version(version) {
            if api != Api::ApiVersions {
                return Err(error);
            }
            return Ok(Self {
                api,
                version: 0,
                correlation,
                client_id: None,
                unsupported_api_versions: true,
            });
        }
        // The client id keeps its classic length even in flexible headers.
        let client_id = reader.nullable_string()?;
        reader.set_flexible(api.is_flexible(version));
        reader.tags()?;
        Ok(Self {
            api,
            version,
            correlation,
            client_id,
            unsupported_api_versions: false,
        })
    }
}
