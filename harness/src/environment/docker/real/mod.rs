//! All of it that needs the containers' client.

mod broker;
mod bus;
mod client;
mod engine;
mod filter;
mod images;
mod labels;
mod layout;
mod logs;
mod network;
mod proof;
mod servers;
mod start;
mod sweep;
mod toxics;
mod toxiproxy;
mod watch;

pub use start::start;
pub use sweep::sweep;
