//! Apache Kafka: replication by leader and fetching followers, a controller, consumer groups.
//!
//! # The seam
//!
//! ```text
//!   clients ──In::Request──▶ ┌────────┐ ──Out::Send──▶ clients
//!   peers   ──In::Peer─────▶ │ Broker │ ──Out::Peer──▶ peers and the controller
//!   clock   ──In::Tick─────▶ │  step  │ ──Out::Fact──▶ evidence, stories, live view
//!   disk    ──In::Flushed──▶ └────────┘ ──Out::Flush─▶ disk
//! ```
//!
//! `step(now, In<B>, &mut Outbox<B>)` handles one input; `next_timer()` says when the machine wants its next `In::Tick`.
//!
//! * **Versions and encoding** belong to the driver: messages are typed and version-free, strings are interned to [`Name`]s by the driver.
//! * **`B`** is the body of a record batch: a refcounted handle into segment files in the server, a few event ids in the simulator. The
//!   machines clone and drop bodies and never look inside; what replication needs stands in [`BatchHeader`].
//! * **One request at a time per connection**, as Kafka mutes a channel: the driver feeds the next request of a connection only after
//!   `Out::Send` (or at once for `acks=0` produces, which are never answered; an error there is `Out::Close`).
//! * **Links** between nodes belong to the driver: they have latency and bandwidth, keep order per direction, and a kill drops what is in
//!   flight. A machine sees a broken link only by silence or by `In::PeerReset`. It must tolerate loss and re-send on its own timers.
//! * **Disks**: what a broker appended is in the page cache at once. `Broker::kill` keeps it, `Broker::lose_power` keeps only what was
//!   flushed (`Out::Flush` then `In::Flushed`). Both give back the `BrokerDisk` that the next `Broker::start` reads.
//! * **Kafka does not evict a consumer when its TCP connection closes**: the session timeout does. `In::Closed` drops what waits on the
//!   connection and nothing else.
//!
//! Sources: KIP-101, 279, 320 (leader epochs and truncation), KIP-497 (AlterPartition), KIP-631 (broker registration and fencing),
//! KIP-207 (ListOffsets after election), KIP-966 (ELR), KIP-98 and KAFKA-5494 (idempotent producer), KIP-345 (static membership),
//! KIP-394 (member id required), KIP-429 (cooperative rebalance).

mod batch;
mod broker;
mod config;
mod controller;
mod error;
mod fact;
pub mod group;
mod group_message;
mod ids;
pub mod log;
mod machine;
mod message;
mod peer;
mod producers;

pub use batch::{Batch, BatchHeader, BatchKind, Entry, Stamp, Stored};
pub use broker::{Broker, BrokerDisk, Image, PartitionView};
pub use config::{BrokerConfig, ConfigProblem, Defects, TopicConfig};
pub use controller::{Controller, ControllerDisk};
pub use error::ErrorCode;
pub use fact::{Fact, Why};
pub use group_message::*;
pub use ids::{ConnId, Epoch, MemberId, Name, NodeId, Offset, TopicPartition};
pub use machine::{In, Out, Outbox};
pub use message::*;
pub use peer::*;
