//! Everything that exists: the cluster, what outlives processes, and who looks at it.

use crate::clocks::Clocks;
use crate::cluster::Cluster;
use crate::journal::Journal;
use crate::kernel::{Kernel, ProcessId};
use crate::network::Network;
use crate::service::{Mails, Stores, Troubles};
use crate::sinks::Sinks;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

pub struct World {
    pub kernel: Rc<Kernel>,
    pub network: Rc<Network>,
    pub journal: Rc<Journal>,
    pub cluster: Rc<Cluster>,
    pub stores: Stores,
    pub mails: Mails,
    pub sinks: Sinks,
    pub troubles: Troubles,
    pub clocks: Clocks,
    last_process: Cell<u32>,
    /// The harness's own producers.
    pub loads: RefCell<Vec<ProcessId>>,
    /// Paths that a process was told of, by the process's name and the variable's.
    paths: RefCell<BTreeMap<(String, &'static str), String>>,
}

impl World {
    /// `unix_ms_at_0`: what right clocks show at time 0.
    pub fn new(cluster: &Rc<Cluster>, sinks: Sinks, unix_ms_at_0: u64) -> Rc<Self> {
        Rc::new(Self {
            kernel: Rc::clone(&cluster.kernel),
            network: Rc::clone(&cluster.network),
            journal: Rc::clone(&cluster.journal),
            cluster: Rc::clone(cluster),
            stores: Stores::default(),
            mails: Mails::default(),
            sinks,
            troubles: Troubles::default(),
            clocks: Clocks::new(unix_ms_at_0),
            last_process: Cell::new(0),
            loads: RefCell::default(),
            paths: RefCell::default(),
        })
    }

    pub fn next_process(&self) -> ProcessId {
        self.last_process.set(self.last_process.get() + 1);
        ProcessId(self.last_process.get())
    }

    pub fn set_path(&self, process: &str, variable: &'static str, path: &str) {
        self.paths
            .borrow_mut()
            .insert((process.to_owned(), variable), path.to_owned());
    }

    /// The path that a process was told of, or one of its own.
    pub fn path_of(&self, process: &str, variable: &'static str) -> String {
        let known = self
            .paths
            .borrow()
            .get(&(process.to_owned(), variable))
            .cloned();
        known.unwrap_or_else(|| format!("{process}/{variable}"))
    }
}
