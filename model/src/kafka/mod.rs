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
//! # Inside
//!
//! * **Logs** hold [`Stored`] batches: a client's body, or records that a group coordinator keeps in the offsets topic, which replicate,
//!   truncate and come back after a failover like any other. A batch takes 40 bytes of memory a replica with a handle of 16.
//! * **Followers** name only partitions that changed since their last fetch, so work goes with traffic and not with partitions (KIP-227).
//!   A leader keeps a session for each follower; whichever side misses something begins anew with a full fetch.
//! * **The high watermark** waits for the committed and the proposed in-sync set, whichever way an unanswered proposal goes (KIP-497).
//! * **Not modelled**: a quorum of controllers, transactions, retention and compaction, preferred leader elections, throttling, KIP-848.
//!   A timestamp finds the first offset of its batch. Deleting a topic and making it anew while a broker is down is not told apart there.
//! * [`Defects`] switches historic mistakes on; [`Broker::check_invariants`] is for tests and simulations to call after each step.
//!
//! Sources: KIP-101, 279, 320 (leader epochs and truncation), KIP-497 (AlterPartition), KIP-631 (broker registration and fencing),
//! KIP-207 (ListOffsets after election), KIP-966 (ELR), KIP-98 and KAFKA-5494 (idempotent producer), KIP-345 (static membership),
//! KIP-394 (member id required), KIP-429 (cooperative rebalance).

mod batch;
mod broker;
mod by_node;
mod by_partition;
mod config;
mod controller;
mod defects;
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

pub use batch::{Batch, BatchHeader, BatchKind, Body, Entry, NoShelf, Stamp, Stored};
pub use broker::{Broker, BrokerDisk, DiskState, Image, PartitionView};
pub use config::{BrokerConfig, ConfigProblem, TopicConfig};
pub use controller::{Controller, ControllerDisk};
pub use defects::Defects;
pub use error::ErrorCode;
pub use fact::{Fact, Why};
pub use group_message::*;
pub use ids::{ConnId, Epoch, MemberId, Name, NodeId, Offset, TopicPartition};
pub use machine::{In, Out, Outbox};
pub use message::*;
pub use peer::*;
