//! The course of a run: the same phases and notes as on real processes.

mod faults;
mod lag;
mod load;
mod phases;
mod services;
mod templates;

use crate::cluster::Cluster;
use crate::error::SimError;
use crate::journal::Journal;
use crate::kernel::{Kernel, Nanos, ProcessId, SECOND, Stopped};
use crate::network::{LinkProfile, Network};
use crate::sinks::Sinks;
use crate::world::World;
use crate::{Counts, Detail, SimOutcome};
use lag::LagWatch;
use squall_history::{Event, Head, ROWS_VERSION, What};
use squall_model::kafka::BrokerConfig;
use squall_plan::Plan;
use std::cell::RefCell;
use std::rc::Rc;
use templates::Templates;

/// The harness's own tasks.
const HARNESS: ProcessId = ProcessId(0);
/// What clocks show at time 0: 2026-01-01T00:00:00Z.
const UNIX_MS_AT_0: u64 = 1_767_225_600_000;
const STARTED: &str = "2026-01-01T00:00:00Z";
/// Virtual time beyond everything that the plan provides for.
const SLACK: Nanos = 600 * SECOND;

pub fn run(
    plan: &Plan,
    detail: Detail,
    sink: &mut dyn FnMut(Event),
) -> Result<SimOutcome, SimError> {
    let plan = Rc::new(plan.clone());
    let world = create(&plan, detail)?;
    let kernel = Rc::clone(&world.kernel);
    let ended: Rc<RefCell<Option<Result<(), SimError>>>> = Rc::default();
    let (course, told) = (
        phases::run(Rc::clone(&world), Rc::clone(&plan)),
        Rc::clone(&ended),
    );
    kernel.spawn(HARNESS, async move {
        let result = course.await;
        told.replace(Some(result));
    });
    let sink = RefCell::new(sink);
    let lag = LagWatch::new(&plan, detail);
    let hand_on = || {
        lag.look(&world);
        world.journal.hand_on(*sink.borrow_mut());
    };
    let limit = limit(&plan);
    let happen = |what| world.cluster.happen(what);
    let stopped = kernel.run(limit, happen, || {
        hand_on();
        ended.borrow().is_some()
    });
    kernel.end_all();
    hand_on();
    let outcome = SimOutcome {
        trace_hash: kernel.trace_hash(),
        events: kernel.dispatched(),
        virtual_ns: kernel.now(),
        counts: Counts {
            messages: world.network.messages(),
            ..world.cluster.counts.get()
        },
    };
    match stopped {
        Ok(()) => {}
        Err(Stopped::Idle) => return Err(SimError::Stalled(outcome.virtual_ns)),
        Err(Stopped::Limit) => return Err(SimError::TooLong(limit / SECOND)),
    }
    let result = ended.borrow_mut().take();
    result.unwrap_or(Ok(()))?;
    Ok(outcome)
}

fn limit(plan: &Plan) -> Nanos {
    let timing = plan.timing;
    let planned = [
        timing.ready_ns,
        timing.steady_ns,
        plan.load_ends_ns,
        timing.drain_ns,
    ];
    planned.into_iter().fold(SLACK, Nanos::saturating_add)
}

/// A world with a cluster that is about to come up.
fn create(plan: &Rc<Plan>, detail: Detail) -> Result<Rc<World>, SimError> {
    for service in &plan.system.spec.services {
        services::settings(plan, service, 0)?;
    }
    let mut config = BrokerConfig::from_properties(&plan.cluster.broker).map_err(|problems| {
        let all: Vec<String> = problems.iter().map(ToString::to_string).collect();
        SimError::Broker(all.join("; "))
    })?;
    let brokers = i16::try_from(plan.cluster.brokers).unwrap_or(i16::MAX);
    config.offsets_topic_replication_factor = config.offsets_topic_replication_factor.min(brokers);
    let kernel = Kernel::new(plan.seed);
    let journal = Journal::new(&kernel, detail);
    let network = Rc::new(Network::new(&kernel));
    journal.note(What::Head(Head {
        version: ROWS_VERSION,
        scenario: plan.name.clone(),
        seed: plan.seed,
        environment: plan.environment.name().to_owned(),
        started: STARTED.to_owned(),
        plan: format!("{:016x}", plan.digest()),
    }));
    let links = LinkProfile {
        latency_ns: plan.cluster.links.latency_ns,
        bandwidth_bytes_per_s: plan.cluster.links.bandwidth_bytes_per_s,
    };
    let cluster = Cluster::start(
        &kernel,
        &network,
        &journal,
        (plan.cluster.brokers, links),
        config,
    );
    let templates = Templates::of_sinks(plan);
    let sinks = Sinks::new(plan, |text| templates.fill(text));
    Ok(World::new(&cluster, sinks, UNIX_MS_AT_0))
}
