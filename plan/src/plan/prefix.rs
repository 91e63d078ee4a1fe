//! Names of topics and groups on a cluster that others use too: each run has its own.

use super::Plan;
use crate::fault::{Fault, Target, Terms};
use crate::scenario::{LoadEntry, SystemUse};
use crate::system::{SinkSpec, SinkStore, SystemSpec, TopicSpec};
use std::collections::BTreeSet;

impl Plan {
    /// The same plan with names of topics and groups that begin with `prefix`, in place of the one that they have. Those that the
    /// system has fixed stay.
    #[must_use]
    pub fn with_prefix(&self, prefix: &str) -> Self {
        let mut plan = self.clone();
        let kept = fixed_names(&self.system, &self.cluster.topics, &self.cluster.prefix);
        let names = Names {
            kept: kept.into_iter().map(|fixed| fixed.name).collect(),
            old: std::mem::replace(&mut plan.cluster.prefix, prefix.to_owned()),
            new: prefix,
        };
        let topics = plan.cluster.topics.iter_mut();
        topics.for_each(|topic| names.change(&mut topic.name));
        names.in_system(&mut plan.system.spec);
        for planned in &mut plan.loads {
            if let LoadEntry::Topic { topic, .. } = &mut planned.load.entry {
                names.change(topic);
            }
        }
        plan.faults
            .iter_mut()
            .for_each(|fault| names.in_fault(fault));
        let of_thresholds = plan.expect.thresholds.iter_mut();
        of_thresholds.for_each(|threshold| names.in_metric(&mut threshold.metric));
        let of_limits = plan.abort_if.iter_mut();
        of_limits.for_each(|limit| names.in_metric(&mut limit.metric));
        plan
    }
}

struct Names<'a> {
    kept: BTreeSet<String>,
    old: String,
    new: &'a str,
}

impl Names<'_> {
    fn change(&self, name: &mut String) {
        let bare = name.strip_prefix(&self.old).unwrap_or(name);
        if self.kept.contains(bare) {
            return;
        }
        *name = format!("{}{bare}", self.new);
    }

    fn in_system(&self, system: &mut SystemSpec) {
        let groups = system.services.iter_mut().map(|service| &mut service.group);
        groups.flatten().for_each(|group| self.change(group));
        if let Some(entry) = &mut system.entry.topic {
            self.change(&mut entry.name);
        }
        let topics = system.topics.iter_mut();
        topics.for_each(|topic| self.change(&mut topic.name));
        system.sinks.iter_mut().for_each(|sink| self.in_sink(sink));
    }

    fn in_sink(&self, sink: &mut SinkSpec) {
        if let SinkStore::Topic { name, .. } = &mut sink.store {
            self.change(name);
        }
        if let Some(letters) = &mut sink.dead_letters {
            self.change(&mut letters.topic);
        }
        if let Some(group) = &mut sink.group {
            self.change(group);
        }
    }

    fn in_fault(&self, fault: &mut Fault) {
        self.in_target(&mut fault.target);
        match &mut fault.terms {
            Terms::Apart { from: others, .. }
            | Terms::Flapping { from: others, .. }
            | Terms::Link { to: others, .. } => {
                others.iter_mut().for_each(|other| self.in_target(other));
            }
            Terms::Events { topic, .. } => self.change(topic),
            Terms::None
            | Terms::Deploy { .. }
            | Terms::Roll { .. }
            | Terms::Scale { .. }
            | Terms::Skew { .. }
            | Terms::Slow { .. }
            | Terms::Errors { .. } => {}
        }
    }

    fn in_target(&self, target: &mut Target) {
        match target {
            Target::Leader { topic, .. } | Target::Followers { topic, .. } => self.change(topic),
            Target::Coordinator { group } => self.change(group),
            _ => {}
        }
    }

    /// `lag{group:consumer-db}`.
    fn in_metric(&self, metric: &mut String) {
        let open = metric.strip_suffix('}');
        let Some((head, tags)) = open.and_then(|text| text.split_once('{')) else {
            return;
        };
        let tags = tags.split(',').map(|tag| match tag.split_once(':') {
            Some((key, value)) if key.trim() == "group" => {
                let mut group = value.trim_start().to_owned();
                self.change(&mut group);
                format!("{key}:{group}")
            }
            _ => tag.to_owned(),
        });
        *metric = format!("{head}{{{}}}", tags.collect::<Vec<_>>().join(","));
    }
}

/// A name that a system has fixed: no process is told another one.
pub(super) struct Fixed {
    name: String,
    /// The slot that would tell it.
    slot: String,
    /// Whose group it is; `None`: a topic.
    service: Option<String>,
}

impl Fixed {
    /// What cannot be done.
    pub(super) fn told(&self) -> String {
        let Self {
            name,
            slot,
            service,
        } = self;
        match service {
            Some(service) => format!(
                "give group `{name}` a name of the run's own: service `{service}` is not told it by {{{{{slot}}}}}"
            ),
            None => format!(
                "give topic `{name}` a name of the run's own: no service is told it by {{{{{slot}}}}}"
            ),
        }
    }
}

/// Of a system and the topics of its cluster, which may have a prefix already.
pub(super) fn fixed_names(system: &SystemUse, topics: &[TopicSpec], prefix: &str) -> Vec<Fixed> {
    let bare = |name: &str| name.strip_prefix(prefix).unwrap_or(name).to_owned();
    let services = &system.spec.services;
    let groups = services.iter().filter_map(|service| {
        let group = service.group.as_ref()?;
        (!system.has_slot(service, "group")).then(|| Fixed {
            name: bare(group),
            slot: "group".to_owned(),
            service: Some(service.name.clone()),
        })
    });
    let topics = topics.iter().filter_map(|topic| {
        let name = bare(&topic.name);
        let slot = format!("topic.{name}");
        let mut told = services
            .iter()
            .map(|service| system.has_slot(service, &slot));
        let fixed = !services.is_empty() && !told.any(|told| told);
        fixed.then_some(Fixed {
            name,
            slot,
            service: None,
        })
    });
    groups.chain(topics).collect()
}
