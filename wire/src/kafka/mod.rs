pub mod codec;
pub mod link;
pub mod names;
pub mod record_batch;
pub mod store;
