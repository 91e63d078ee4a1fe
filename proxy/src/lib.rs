//! The fault proxy: connections between services and brokers pass it, and faults bite in it.

pub mod api;
pub mod engine;
mod files;
pub mod kafka;
pub mod layer;
pub mod queue;
pub mod serve;
pub use files::allow_many_files;
pub use squall_plan::fault::spread;
pub mod tls;
pub mod toxic;
