//! Set-up, steady-state gate, load with faults, heal, drain, final read.

use super::faults::Faults;
use super::load::Sender;
use super::services::Services;
use crate::error::SimError;
use crate::kernel::{MS, Nanos, SECOND};
use crate::world::World;
use squall_check::EventId;
use squall_env::{Either, select};
use squall_history::{FaultState, Phase, What};
use squall_plan::Plan;
use squall_plan::plan::Arrival;
use squall_plan::scenario::Outcome;
use std::collections::BTreeMap;
use std::rc::Rc;

const CLUSTER_READY_S: u64 = 60;
const LOOK_EVERY: Nanos = 10 * MS;
const PROBES: u64 = 3;
/// Between the steady state and load clock 0.
const RUN_UP: Nanos = 50 * MS;
/// No sink may show anything new for so long: a consumer that commits early still has its effects to do.
const QUIET: Nanos = 500 * MS;

struct Course {
    world: Rc<World>,
    plan: Rc<Plan>,
    services: Rc<Services>,
}

pub(super) async fn run(world: Rc<World>, plan: Rc<Plan>) -> Result<(), SimError> {
    let services = Services::new(&world, &plan);
    let faults = Faults::new(&world, &services, &plan);
    let course = Course {
        world,
        plan,
        services,
    };
    course.phase(Phase::SetUp, true);
    course.set_up().await?;
    course.phase(Phase::SetUp, false);
    course.phase(Phase::Steady, true);
    course.steady().await?;
    course.phase(Phase::Steady, false);
    course.load(&faults).await?;
    course.phase(Phase::Drain, true);
    course.drain().await;
    course.phase(Phase::Drain, false);
    faults.close();
    course.phase(Phase::FinalRead, true);
    course.final_read().await;
    course.phase(Phase::FinalRead, false);
    course.health("harness", true, String::new());
    let outcome = "complete".to_owned();
    course.world.journal.note(What::End { outcome });
    Ok(())
}

impl Course {
    fn phase(&self, name: Phase, began: bool) {
        self.world.journal.note(What::Phase { name, began });
    }

    fn health(&self, key: &str, ok: bool, detail: String) {
        let key = key.to_owned();
        self.world.journal.note(What::Health { key, ok, detail });
    }

    fn sample(&self, metric: &str, value: f64) {
        self.world.journal.note(What::Sample {
            metric: metric.to_owned(),
            labels: BTreeMap::new(),
            value,
        });
    }

    async fn set_up(&self) -> Result<(), SimError> {
        let cluster = &self.world.cluster;
        let brokers = cluster.brokers().len();
        let not_ready = || SimError::ClusterNotReady(CLUSTER_READY_S);
        if !self
            .within(CLUSTER_READY_S * SECOND, || cluster.unfenced() == brokers)
            .await
        {
            return Err(not_ready());
        }
        cluster
            .create_topics(super::HARNESS, &self.plan.cluster.topics)
            .await;
        let led = || {
            self.plan
                .cluster
                .topics
                .iter()
                .all(|topic| cluster.is_led(&topic.name, topic.partitions as usize))
        };
        if !self.within(CLUSTER_READY_S * SECOND, led).await {
            return Err(not_ready());
        }
        self.world.sinks.attach(&self.world, &self.plan);
        self.spawn_tap();
        self.services.start_all().await
    }

    /// Reads the topics among the sinks for as long as the world lives, every few milliseconds while there is something new.
    fn spawn_tap(&self) {
        let world = Rc::clone(&self.world);
        self.world.kernel.spawn(super::HARNESS, async move {
            loop {
                world.cluster.stirred().await;
                let next = world.kernel.now() / LOOK_EVERY + 1;
                world.kernel.sleep_until(next * LOOK_EVERY).await;
                world.cluster.settle();
                world.sinks.poll(&world);
            }
        });
    }

    /// Whether a condition comes true in time.
    async fn within(&self, limit: Nanos, condition: impl Fn() -> bool) -> bool {
        let deadline = self.world.kernel.now() + limit;
        while !condition() {
            if self.world.kernel.now() >= deadline {
                return false;
            }
            self.world.kernel.sleep(LOOK_EVERY).await;
        }
        true
    }

    /// Probe events must show in every sink before there is any load.
    async fn steady(&self) -> Result<(), SimError> {
        let has_effects = |outcomes: &[Outcome]| outcomes.contains(&Outcome::Effect);
        let Some(index) = self
            .plan
            .loads
            .iter()
            .position(|planned| has_effects(&planned.load.outcomes))
        else {
            self.health(
                "steady-state",
                true,
                "no load has effects that could be probed".to_owned(),
            );
            return Ok(());
        };
        let stream = self.plan.probe_stream();
        let sender = Sender::new(&self.world, &self.services, &self.plan, index, (stream, 0))?;
        for sequence in 0..PROBES {
            let at_ns = self.world.kernel.now();
            let key = u32::try_from(sequence).unwrap_or(0);
            sender.offer(
                at_ns,
                Arrival {
                    at_ns,
                    sequence,
                    key,
                },
            );
            self.world.kernel.sleep(MS).await;
        }
        let shown =
            || (0..PROBES).all(|sequence| self.world.sinks.shows(EventId::new(stream, sequence)));
        let ok = self.within(self.plan.timing.steady_ns, shown).await;
        let accepted = sender.tally.accepted.get();
        let why = format!(
            "Of {PROBES} probe events {accepted} were accepted, and not every sink showed them in time."
        );
        self.health("steady-state", ok, if ok { String::new() } else { why });
        Ok(())
    }

    /// Sends every load and heals every fault.
    async fn load(&self, faults: &Rc<Faults>) -> Result<(), SimError> {
        let kernel = &self.world.kernel;
        let zero = kernel.now() + RUN_UP;
        let name = Phase::Load;
        self.world
            .journal
            .note_at(zero, What::Phase { name, began: true });
        let mut senders = Vec::new();
        for (index, stream) in (0..self.plan.loads.len()).zip(0..) {
            senders.push((
                Sender::new(
                    &self.world,
                    &self.services,
                    &self.plan,
                    index,
                    (stream, zero),
                )?,
                stream,
            ));
        }
        faults.schedule(zero);
        for (sender, stream) in &senders {
            let arrivals = self.plan.arrivals(*stream).into_iter().flatten();
            kernel.spawn(super::HARNESS, Rc::clone(sender).offer_all(zero, arrivals));
        }
        kernel.sleep_until(zero + self.plan.load_ends_ns).await;
        for (sender, _) in &senders {
            sender.settled().await;
        }
        for (name, shown) in senders.iter().filter_map(|(sender, _)| sender.odd()) {
            self.world.journal.note(What::Fault {
                name: name.to_owned(),
                state: FaultState::Evidence,
                detail: format!("bit: {shown}"),
            });
        }
        self.phase(Phase::Load, false);
        self.rate(&senders);
        self.phase(Phase::Heal, true);
        faults.heal().await;
        self.phase(Phase::Heal, false);
        Ok(())
    }

    /// Virtual time is never late: every event goes out at its intended time.
    fn rate(&self, senders: &[(Rc<Sender>, u16)]) {
        let offered: u64 = senders
            .iter()
            .map(|(sender, _)| sender.tally.offered.get())
            .sum();
        let planned: u64 = self.plan.loads.iter().map(|planned| planned.events).sum();
        let errors: u64 = senders
            .iter()
            .map(|(sender, _)| sender.tally.errors.get())
            .sum();
        let share = |part: u64, of: u64| {
            if of == 0 {
                1.0
            } else {
                part as f64 / of as f64
            }
        };
        self.sample("achieved_rate", share(offered, planned));
        let short = format!("{offered} of {planned} events were offered.");
        let ok = offered == planned;
        self.health("rate", ok, if ok { String::new() } else { short });
        let error_rate = if offered == 0 {
            0.0
        } else {
            share(errors, offered)
        };
        self.sample("http_error_rate", error_rate);
        if let Some(max) = self.plan.expect.http_error_rate_max {
            let why = format!("{errors} of {offered} requests were answered with an error.");
            let ok = error_rate <= max;
            self.health("http-error-rate", ok, if ok { String::new() } else { why });
        }
    }

    /// By sink, what its group has yet to commit of the inputs. `None` while a partition has no leader.
    fn each_lag<'a>(
        &'a self,
        inputs: &'a [(String, usize)],
    ) -> impl Iterator<Item = (&'a str, Option<u64>)> {
        let sinks = self.plan.system.spec.sinks.iter();
        sinks.filter_map(move |sink| {
            let group = sink.group.as_ref()?;
            let of_topic = |(topic, partitions): &(String, usize)| {
                self.world.cluster.lag(group, topic, *partitions)
            };
            Some((&*sink.name, inputs.iter().map(of_topic).sum()))
        })
    }

    /// Topics that the groups read: those that events enter by.
    fn inputs(&self) -> Vec<(String, usize)> {
        let entry = &self.plan.system.spec.entry;
        let variables =
            |service: &squall_plan::system::ServiceSpec| service.environment.get("TOPIC").cloned();
        let of_services = self
            .plan
            .system
            .spec
            .services
            .iter()
            .filter(|service| service.group.is_some())
            .filter_map(variables);
        let mut names: Vec<String> = entry
            .topic
            .iter()
            .map(|topic| topic.name.clone())
            .chain(of_services)
            .collect();
        names.sort();
        names.dedup();
        let topics = &self.plan.cluster.topics;
        names
            .into_iter()
            .filter_map(|name| {
                topics
                    .iter()
                    .find(|topic| topic.name == name)
                    .map(|topic| (name, topic.partitions as usize))
            })
            .collect()
    }

    /// The load has ended and every fault is healed: `drain_ms` counts from here.
    async fn drain(&self) {
        let kernel = &self.world.kernel;
        let began = kernel.now();
        let deadline = began + self.plan.timing.drain_ns;
        let inputs = self.inputs();
        let (mut effects, mut quiet_since) = (self.world.sinks.standing().0, began);
        let complete = loop {
            let (now_effects, _) = self.world.sinks.standing();
            let idle = self.each_lag(&inputs).all(|(_, lag)| lag == Some(0));
            if now_effects != effects || !idle {
                (effects, quiet_since) = (now_effects, kernel.now());
            } else if kernel.now() - quiet_since >= QUIET {
                break true;
            }
            if kernel.now() >= deadline {
                break false;
            }
            kernel.sleep(LOOK_EVERY).await;
        };
        let lags: BTreeMap<&str, Option<u64>> = self.each_lag(&inputs).collect();
        for (sink, lag) in &lags {
            if let Some(value) = lag {
                self.world.journal.note(What::Counter {
                    source: (*sink).to_owned(),
                    name: "in-flight".to_owned(),
                    value: *value,
                });
            }
        }
        if complete {
            self.sample(
                "drain_ms",
                quiet_since.saturating_sub(began) as f64 / MS as f64,
            );
        }
        let missing = self.world.sinks.standing().1;
        let why = format!(
            "The drain did not end within {} s: lags {lags:?}, {missing} effects missing.",
            self.plan.timing.drain_ns / SECOND
        );
        self.health(
            "drain",
            complete,
            if complete { String::new() } else { why },
        );
    }

    /// The services stop first: nothing may add an effect behind the reader's back.
    async fn final_read(&self) {
        let stopped = self.services.stop_all();
        let _: Either<(), ()> = select(stopped, self.world.kernel.sleep(60 * SECOND)).await;
        for (sink, result) in self.world.sinks.read_finally(&self.world) {
            let ok = result.is_ok();
            let detail = match result {
                Ok(text) | Err(text) => text,
            };
            self.health(&format!("final-read:{sink}"), ok, detail);
        }
    }
}
