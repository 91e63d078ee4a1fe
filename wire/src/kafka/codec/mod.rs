//! Kafka's protocol, requests in and responses out, straight between bytes and the machines' version-free types.
//!
//! Written by hand rather than through the `kafka-protocol` crate for two reasons: that crate reserves memory for whatever an array's length
//! claims, so one small frame could end the process, and going through its types would copy every request twice. The crate is the
//! oracle of the tests instead: what it encodes must read the same here, in every version, and the other way round.

mod admin;
mod answer;
mod api;
mod commits;
mod configs;
mod fetch;
mod frame;
mod groups;
mod header;
mod membership;
mod metadata;
mod offsets;
mod produce;
mod reader;
mod request;
mod response;
mod topics;
mod versions;
mod writer;

pub use answer::Answer;
pub use api::Api;
pub use configs::{ConfigResource, DescribedResource, RESOURCE_BROKER, RESOURCE_TOPIC};
pub use fetch::FetchData;
pub use frame::{Frame, Piece};
pub use groups::ListGroupsData;
pub use header::RequestHeader;
pub use membership::FindCoordinatorData;
pub use produce::ProduceData;
pub use reader::{Malformed, Reader};
pub use request::{Call, read};
pub use response::{Reply, write};
pub use writer::Writer;

#[cfg(test)]
mod tests;
