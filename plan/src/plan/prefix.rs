//! Names of topics and groups on a cluster that others use too: each run has its own.

use super::Plan;
use crate::fault::{Fault, Target, Terms};
use crate::scenario::{LoadEntry, Scenario};
use crate::system::{SinkSpec, SinkStore, SystemSpec};

impl Plan {
    /// The same plan with names of topics and groups that begin with `prefix`, in place of the one that they have.
    #[must_use]
    pub fn with_prefix(&self, prefix: &str) -> Self {
        let mut plan = self.clone();
        let names = Names {
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
    old: String,
    new: &'a str,
}

impl Names<'_> {
    fn change(&self, name: &mut String) {
        let bare = name.strip_prefix(&self.old).unwrap_or(name);
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
        let Some((head, tags)) = metric.split_once('{') else {
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
        *metric = format!("{head}{{{}", tags.collect::<Vec<_>>().join(","));
    }
}

/// Why a system cannot be given names of the run's own: it has them fixed.
pub(super) fn fixed_names(scenario: &Scenario) -> Vec<String> {
    let system = &scenario.system;
    let services = &system.spec.services;
    let groups = services.iter().filter_map(|service| {
        let group = service.group.as_ref()?;
        let fixed = !system.has_slot(service, "group");
        fixed.then(|| {
            let name = &service.name;
            format!("give group `{group}` a name of the run's own: service `{name}` is not told it by {{{{group}}}}")
        })
    });
    let topics = scenario.cluster.topics.iter().filter_map(|topic| {
        let slot = format!("topic.{}", topic.name);
        let told = services.is_empty()
            || services.iter().any(|service| system.has_slot(service, &slot));
        (!told).then(|| {
            let name = &topic.name;
            format!("give topic `{name}` a name of the run's own: no service is told it by {{{{{slot}}}}}")
        })
    });
    groups.chain(topics).collect()
}
