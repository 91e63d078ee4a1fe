//! Metadata and connections, as every client needs them.

use crate::cluster::{Broken, Cluster, Connection};
use crate::kernel::{MS, Nanos, ProcessId};
use crate::record::Body;
use squall_env::Either;
use squall_model::kafka::{
    ErrorCode, MetadataRequest, Name, NodeId, Request, Response, TopicPartition,
};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

const BACKOFF: Nanos = 100 * MS;
/// An answer that takes longer than this will not come.
const SOCKET_TIMEOUT: Nanos = 60_000 * MS;

/// Any broker will do: after this long without a connection the next one is tried, and after this long without an answer another.
const NEXT_BROKER: Nanos = 1_000 * MS;
pub const ANY_TIMEOUT: Nanos = 3_000 * MS;

/// One client's way to the cluster.
pub struct Access {
    pub cluster: Rc<Cluster>,
    pub process: ProcessId,
    pub client: Name,
    leaders: RefCell<BTreeMap<TopicPartition, NodeId>>,
    pool: RefCell<BTreeMap<NodeId, Rc<Connection>>>,
}

impl Access {
    #[must_use]
    pub fn new(cluster: &Rc<Cluster>, process: ProcessId, client_id: &str) -> Rc<Self> {
        Rc::new(Self {
            cluster: Rc::clone(cluster),
            process,
            client: cluster.names.intern(client_id),
            leaders: RefCell::default(),
            pool: RefCell::default(),
        })
    }

    pub async fn pause(&self) {
        self.cluster.kernel.sleep(BACKOFF).await;
    }

    pub async fn connect(&self, node: NodeId) -> Option<Connection> {
        self.cluster
            .connect(self.process, node, self.client)
            .await
            .ok()
    }

    /// Calls, and gives the connection up when no answer comes.
    pub async fn call(
        &self,
        connection: &Connection,
        request: Request<Body>,
    ) -> Result<Response<Body>, Broken> {
        self.call_within(connection, request, SOCKET_TIMEOUT).await
    }

    pub async fn call_within(
        &self,
        connection: &Connection,
        request: Request<Body>,
        within: Nanos,
    ) -> Result<Response<Body>, Broken> {
        let sleep = self.cluster.kernel.sleep(within);
        match squall_env::select(connection.call(request), sleep).await {
            Either::First(answer) => answer,
            Either::Second(()) => {
                connection.close();
                Err(Broken)
            }
        }
    }

    /// A connection to any broker that answers.
    pub async fn any(&self) -> Connection {
        let brokers = self.cluster.brokers();
        let count = brokers.len().max(1);
        loop {
            let first =
                self.cluster
                    .kernel
                    .below("bootstrap", u64::from(self.process.0), count as u64);
            for offset in 0..count {
                let at = (usize::try_from(first).unwrap_or(0) + offset) % count;
                let Some(node) = brokers.get(at) else {
                    continue;
                };
                let patience = self.cluster.kernel.sleep(NEXT_BROKER);
                let first = squall_env::select(self.connect(*node), patience).await;
                if let Either::First(Some(connection)) = first {
                    return connection;
                }
            }
            self.pause().await;
        }
    }

    /// Asks for the leaders of a topic's partitions. `None`: not to be had now. Some leaders may be missing.
    pub async fn refresh(&self, topic: Name) -> Option<Vec<i32>> {
        let connection = self.any().await;
        let request = Request::Metadata(MetadataRequest {
            topics: Some(vec![topic]),
            allow_auto_topic_creation: false,
        });
        let answer = self.call_within(&connection, request, ANY_TIMEOUT).await;
        let Ok(Response::Metadata(metadata)) = answer else {
            return None;
        };
        let found = metadata
            .topics
            .into_iter()
            .find(|found| found.topic == topic)?;
        if found.error.is_error() {
            return None;
        }
        let mut leaders = self.leaders.borrow_mut();
        leaders.retain(|id, _| id.topic != topic);
        for partition in &found.partitions {
            if let Some(leader) = partition
                .leader
                .filter(|_| partition.error == ErrorCode::None)
            {
                let partition = partition.partition;
                leaders.insert(TopicPartition { topic, partition }, leader);
            }
        }
        let mut partitions: Vec<i32> = found
            .partitions
            .iter()
            .map(|partition| partition.partition)
            .collect();
        partitions.sort_unstable();
        Some(partitions)
    }

    /// Partitions of a topic, asked until they are known.
    pub async fn partitions(&self, topic: Name) -> Vec<i32> {
        loop {
            match self.refresh(topic).await {
                Some(partitions) if !partitions.is_empty() => return partitions,
                _ => self.pause().await,
            }
        }
    }

    /// The leader of a partition is not who we thought.
    pub fn forget_leader(&self, partition: TopicPartition) {
        self.leaders.borrow_mut().remove(&partition);
    }

    /// Where a partition's leader is, asked until somebody knows.
    async fn leader_node(&self, partition: TopicPartition) -> NodeId {
        loop {
            let known = self.leaders.borrow().get(&partition).copied();
            if let Some(node) = known {
                return node;
            }
            self.refresh(partition.topic).await;
            let unknown = !self.leaders.borrow().contains_key(&partition);
            if unknown {
                self.pause().await;
            }
        }
    }

    /// A connection of its own to the leader of a partition, tried until there is one.
    pub async fn leader(&self, partition: TopicPartition) -> Connection {
        loop {
            let node = self.leader_node(partition).await;
            if let Some(connection) = self.connect(node).await {
                return connection;
            }
            self.forget_leader(partition);
            self.pause().await;
        }
    }

    /// The client's one connection to the broker that leads a partition, which all its partitions there share.
    pub async fn shared_leader(&self, partition: TopicPartition) -> Rc<Connection> {
        loop {
            let node = self.leader_node(partition).await;
            let pooled = self
                .pool
                .borrow()
                .get(&node)
                .filter(|pooled| pooled.is_open())
                .cloned();
            if let Some(pooled) = pooled {
                return pooled;
            }
            if let Some(connection) = self.connect(node).await {
                let connection = Rc::new(connection);
                self.pool.borrow_mut().insert(node, Rc::clone(&connection));
                return connection;
            }
            self.forget_leader(partition);
            self.pause().await;
        }
    }
}
