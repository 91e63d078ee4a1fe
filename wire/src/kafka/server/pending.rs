//! The request that a connection waits for.

use crate::kafka::codec::{Api, ConfigResource, ListGroupsData};
use squall_model::kafka::{OffsetFetchRequest, OffsetFetchResponse, TopicResult};
use std::collections::VecDeque;

/// How to answer the request in work.
#[derive(Debug)]
pub struct Pending {
    pub api: Api,
    pub version: i16,
    pub correlation: i32,
    pub extra: Extra,
}

/// What an answer needs beside the machine's response.
#[derive(Debug)]
pub enum Extra {
    None,
    /// Version 8 asks for several groups: one request to the machine each.
    OffsetFetch {
        waiting: VecDeque<OffsetFetchRequest>,
        done: Vec<OffsetFetchResponse>,
    },
    /// Topics with impossible names, which the machines never hear of.
    CreateTopics {
        refused: Vec<TopicResult>,
    },
    ListGroups(ListGroupsData),
    DescribeConfigs(Vec<ConfigResource>),
    DescribeCluster {
        endpoints: i8,
    },
}
