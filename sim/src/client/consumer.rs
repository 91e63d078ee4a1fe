//! A consumer: a member of a group that fetches its share and commits what is settled.

use super::access::Access;
use super::lanes::Lanes;
use super::settings::ConsumerOptions;
use super::{fetcher, membership};
use crate::cluster::Connection;
use crate::kernel::{MS, Nanos, SECOND, Signal};
use crate::record::Body;
use squall_env::{
    BusError, Consumer, Delivery, Either, Event, Position, Settlement, Token, select,
};
use squall_model::kafka::{
    CommittedOffset, ErrorCode, MemberId, Name, OffsetCommitRequest, Request, Response,
};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

/// Settled positions reach the broker at the latest this long afterwards.
const COMMIT_EVERY: Nanos = 50 * MS;
const CLOSE_WITHIN: Nanos = 5 * SECOND;

/// A handle on a consumer; clones share it.
#[derive(Clone)]
pub struct SimConsumer(pub(super) Rc<Member>);

/// What the tasks of a consumer share.
pub(super) struct Member {
    pub access: Rc<Access>,
    pub options: ConsumerOptions,
    pub alive: Rc<Cell<bool>>,
    pub group: Name,
    pub lanes: RefCell<Lanes>,
    pub queue: RefCell<VecDeque<Item>>,
    pub arrived: Signal,
    /// Raised when the queue has room again, or lanes came or went.
    pub drained: Signal,
    /// Raised when a lane was wound back or went.
    pub rewound: Signal,
    pub member: Cell<MemberId>,
    pub generation: Cell<i32>,
    pub coordinator: RefCell<Option<Rc<Connection>>>,
    pub has_share: Cell<bool>,
    pub changed: Signal,
    pub closing: Cell<bool>,
    settled: Signal,
}

/// A record that was fetched and not yet handed out.
pub(super) struct Item {
    pub lane: u32,
    pub winding: u32,
    pub topic: Name,
    pub partition: i32,
    pub offset: i64,
    /// The batch, and the record's place in it.
    pub batch: Body,
    pub index: usize,
}

impl SimConsumer {
    #[must_use]
    pub fn new(access: Rc<Access>, options: ConsumerOptions, alive: Rc<Cell<bool>>) -> Self {
        let kernel = Rc::clone(&access.cluster.kernel);
        let signal = || Signal::new(&kernel);
        let member = Rc::new(Member {
            group: access.cluster.names.intern(&options.group),
            access,
            options,
            alive,
            lanes: RefCell::default(),
            queue: RefCell::default(),
            arrived: signal(),
            drained: signal(),
            rewound: signal(),
            member: Cell::new(MemberId::NONE),
            generation: Cell::new(-1),
            coordinator: RefCell::default(),
            has_share: Cell::new(false),
            changed: signal(),
            closing: Cell::new(false),
            settled: signal(),
        });
        member.spawn(membership::run(Rc::clone(&member)));
        member.spawn(Rc::clone(&member).commit_regularly());
        Self(member)
    }
}

impl Consumer for SimConsumer {
    async fn next_batch(&self, max: usize) -> Result<Vec<Delivery>, BusError> {
        let member = &self.0;
        loop {
            member
                .arrived
                .until(|| !member.queue.borrow().is_empty())
                .await;
            let batch = member.take(max);
            if !batch.is_empty() {
                return Ok(batch);
            }
        }
    }

    fn settle(&self, tokens: &[Token], how: Settlement) {
        let member = &self.0;
        if !member.alive.get() || member.options.auto_commit.is_some() {
            return;
        }
        let wound_back = member.lanes.borrow_mut().settle(tokens, how);
        for (lane, _) in wound_back {
            member.queue.borrow_mut().retain(|item| item.lane != lane);
            member.drained.raise();
            member.rewound.raise();
        }
        member.settled.raise();
    }

    async fn checkpoint(&self) -> Result<(), BusError> {
        self.0.commit().await
    }

    async fn ready(&self) -> Result<(), BusError> {
        self.0.changed.until(|| self.0.has_share.get()).await;
        Ok(())
    }

    async fn close(&self) -> Result<(), BusError> {
        let member = &self.0;
        member.closing.set(true);
        member.changed.raise();
        let kernel = &member.access.cluster.kernel;
        let leave = async {
            let committed = member.commit().await;
            member.revoke();
            membership::leave(member).await;
            committed
        };
        match select(leave, kernel.sleep(CLOSE_WITHIN)).await {
            Either::First(committed) => committed,
            Either::Second(()) => Err(BusError::Temporary(
                "the coordinator did not answer".to_owned(),
            )),
        }
    }
}

impl Member {
    pub fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        self.access.cluster.kernel.spawn(self.access.process, task);
    }

    fn take(&self, max: usize) -> Vec<Delivery> {
        let mut lanes = self.lanes.borrow_mut();
        let mut queue = self.queue.borrow_mut();
        let mut batch = Vec::with_capacity(queue.len().min(max));
        while batch.len() < max
            && let Some(item) = queue.pop_front()
        {
            let Some(lane) = lanes
                .get(item.lane)
                .filter(|lane| lane.winding == item.winding)
            else {
                continue;
            };
            if lane.arrive(item.offset) {
                if self.options.auto_commit.is_some() {
                    lane.done(item.offset);
                }
                batch.push(self.delivery(&item));
            }
        }
        drop(queue);
        self.drained.raise();
        batch
    }

    fn delivery(&self, item: &Item) -> Delivery {
        // A copy of its own for whoever handles it.
        let record = item.batch.get(item.index);
        let event = Event {
            topic: self.access.cluster.names.text(item.topic),
            position: Some(Position {
                partition: item.partition,
                offset: item.offset,
            }),
            key: record.key.map(<[u8]>::to_vec),
            headers: record.headers(),
            payload: record.payload.to_vec(),
            timestamp_ms: Some(record.timestamp_ms),
        };
        let token = Token {
            lane: item.lane,
            position: item.offset.cast_unsigned(),
        };
        Delivery { event, token }
    }

    /// Drops the share that is held: its tokens are stale from here on.
    pub fn revoke(&self) {
        self.lanes.borrow_mut().close_all();
        self.queue.borrow_mut().clear();
        self.drained.raise();
        self.rewound.raise();
    }

    /// Begins to fetch from a partition.
    pub fn open(self: &Rc<Self>, partition: squall_model::kafka::TopicPartition, position: i64) {
        let lane = self.lanes.borrow_mut().open(partition, position);
        self.spawn(fetcher::run(Rc::clone(self), lane));
    }

    async fn commit_regularly(self: Rc<Self>) {
        let kernel = Rc::clone(&self.access.cluster.kernel);
        loop {
            match self.options.auto_commit {
                Some(every) => kernel.sleep(every).await,
                None => {
                    self.settled
                        .until(|| !self.lanes.borrow().commits().is_empty())
                        .await;
                    kernel.sleep(COMMIT_EVERY).await;
                }
            }
            // What fails stays to be committed, and is tried again after the next settlement or a while.
            if self.commit().await.is_err() {
                kernel.sleep(COMMIT_EVERY).await;
                self.settled.raise();
            }
        }
    }

    /// Commits all that is done.
    pub async fn commit(&self) -> Result<(), BusError> {
        let commits = self.lanes.borrow().commits();
        if commits.is_empty() {
            return Ok(());
        }
        let away = || BusError::Temporary("the coordinator is not to be had".to_owned());
        let coordinator = self.coordinator.borrow().clone().ok_or_else(away)?;
        let offset = |(_, partition, offset): &(u32, squall_model::kafka::TopicPartition, i64)| {
            CommittedOffset {
                partition: *partition,
                offset: *offset,
                leader_epoch: -1,
                metadata: None,
            }
        };
        let request = Request::OffsetCommit(OffsetCommitRequest {
            group: self.group,
            generation: self.generation.get(),
            member: self.member.get(),
            instance: None,
            offsets: commits.iter().map(offset).collect(),
        });
        let Ok(Response::OffsetCommit(results)) = self.access.call(&coordinator, request).await
        else {
            return Err(away());
        };
        for (_, error) in &results {
            if *error != ErrorCode::None {
                return Err(BusError::Temporary(format!(
                    "the commit was refused: {error:?}"
                )));
            }
        }
        let mut lanes = self.lanes.borrow_mut();
        commits
            .iter()
            .for_each(|(id, _, offset)| lanes.committed(*id, *offset));
        Ok(())
    }
}
