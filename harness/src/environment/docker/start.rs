//! From a plan to a running site: network, containers, topics, proxies, and the proof that they are in the way.

use super::bus::{DockerBus, UP_WITHIN, until};
use super::engine::Engine;
use super::filter::{Meter, Wall};
use super::layout::Layout;
use super::logs::{Followed, Logs, Readers};
use super::network::{DockerNetwork, Ways};
use super::toxiproxy::{self, Toxiproxy};
use super::watch::{View, Watch};
use super::{NAME, broker, client, proof, sweep};
use crate::environment::EnvironmentError;
use crate::environment::bus::Bus;
use crate::environment::happenings::Happenings;
use crate::environment::interrupt::{Interrupt, Registered};
use crate::environment::notes::Notes;
use crate::environment::proxied::Proxied;
use crate::environment::served::Served;
use crate::environment::site::{Site, SiteParts};
use squall_plan::Plan;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const TOPICS_WITHIN: Duration = Duration::from_secs(30);

/// Starts brokers and Toxiproxy with the plan's topics, and the guard. Services start with
/// [`crate::environment::Environment::start_services`]. `say` is told how far it is.
///
/// # Errors
/// When no engine answers, an image is missing, or something does not come up in time.
pub fn start(
    plan: &Plan,
    run_folder: &Path,
    notes: Arc<dyn Notes>,
    say: &mut dyn FnMut(&str),
) -> Result<Site, EnvironmentError> {
    let began = Instant::now();
    for gone in sweep()? {
        say(&format!("removed what a killed run had left: {gone}"));
    }
    let layout = Arc::new(Layout::of(plan)?);
    let engine = Arc::new(Engine::connect()?);
    for image in engine.missing_images() {
        say(&format!("pulling {image}"));
    }
    let at_second = removed_at_second(&engine);
    engine.make_network()?;
    let brokers = layout.brokers();
    let specs = brokers
        .iter()
        .map(|id| broker::spec(engine.run(), *id, &plan.cluster, &layout));
    let specs = specs.chain([toxiproxy::spec(engine.run(), &layout)]);
    engine.start(specs.collect())?;
    say(&format!(
        "{} containers on the network {}",
        brokers.len() + 1,
        engine.run()
    ));
    let happenings = Arc::new(Happenings::default());
    let readers = Readers {
        notes: Arc::clone(&notes),
        happenings: Arc::clone(&happenings),
    };
    let logs = Logs::follow(
        &engine,
        followed(&engine, &brokers),
        &run_folder.join("logs"),
        &readers,
    );
    let logs =
        logs.map_err(|error| EnvironmentError::Bus(format!("their logs cannot be kept: {error}")))?;
    let names = brokers.iter().map(|id| broker::name(engine.run(), *id));
    let wall = Arc::new(Wall::new(&engine, names.collect()));
    // While the brokers start, which takes longest.
    let toxiproxy = Toxiproxy::open(&layout, |id| broker::name(engine.run(), id))?;
    let meter = Meter::start(&engine, &toxiproxy::name(engine.run()), &layout)?;
    if plan
        .faults
        .iter()
        .any(|fault| fault.kind.row().acts_on_connections)
    {
        wall.prepare().map_err(EnvironmentError::Bus)?;
    }
    await_brokers(&layout)?;
    say(&format!(
        "brokers serve after {:.1} s",
        began.elapsed().as_secs_f64()
    ));
    let watch = Watch::start(&layout, &notes, &happenings);
    let bus = Arc::new(DockerBus {
        watch: watch
            .map_err(|error| EnvironmentError::Bus(format!("no thread to watch them: {error}")))?,
        engine,
        _at_second: at_second,
        layout: Arc::clone(&layout),
        wall: Arc::clone(&wall),
        logs: Mutex::new(Some(logs)),
    });
    make_topics(plan, &bus)?;
    let ways = Ways::new(layout, toxiproxy, meter);
    proof::prove(&ways)?;
    say(&format!(
        "traffic flows through Toxiproxy; up after {:.1} s",
        began.elapsed().as_secs_f64()
    ));
    let served = Served::start(plan, run_folder)?;
    let sinks = Proxied::start(Vec::new(), served.addresses(), plan.seed);
    let sinks = sinks.map_err(EnvironmentError::Bus)?;
    let parts = SiteParts {
        name: NAME,
        network: Box::new(DockerNetwork::new(ways, wall, sinks)),
        bus,
        happenings,
        served,
        squall: None,
    };
    Site::new(plan, run_folder, parts, notes)
}

/// From now on, until the bus is gone.
fn removed_at_second(engine: &Arc<Engine>) -> Option<Registered> {
    let engine = Arc::clone(engine);
    let interrupt = Interrupt::listen().ok()?;
    Some(interrupt.at_second(move || engine.shut_down()))
}

fn followed(engine: &Engine, brokers: &[u32]) -> Vec<Followed> {
    let kafka = brokers.iter().map(|id| Followed {
        container: broker::name(engine.run(), *id),
        file: format!("kafka-{id}.log"),
        broker: Some(*id),
    });
    let proxy = Followed {
        container: toxiproxy::name(engine.run()),
        file: "toxiproxy.log".to_owned(),
        broker: None,
    };
    kafka.chain([proxy]).collect()
}

/// Waits until every broker serves clients and knows all the others.
fn await_brokers(layout: &Layout) -> Result<(), EnvironmentError> {
    let brokers = layout.brokers();
    let knows_all = |id: &u32| {
        let address = layout.direct(*id);
        let answer = address.and_then(|address| client::metadata(address).ok());
        answer.is_some_and(|answer| View::of(&answer).brokers.len() == brokers.len())
    };
    match until(UP_WITHIN, || brokers.iter().all(knows_all)) {
        true => Ok(()),
        false => Err(EnvironmentError::Bus(format!(
            "not all of them serve clients within {} s; see logs/kafka-*.log in the run's folder",
            UP_WITHIN.as_secs()
        ))),
    }
}

fn make_topics(plan: &Plan, bus: &DockerBus) -> Result<(), EnvironmentError> {
    let first = bus.address(1);
    if let Some(address) = first.filter(|_| !plan.cluster.topics.is_empty()) {
        let made = client::create_topics(address, &plan.cluster.topics, TOPICS_WITHIN);
        made.map_err(EnvironmentError::Bus)?;
    }
    bus.await_in_sync(TOPICS_WITHIN)
        .map_err(EnvironmentError::Bus)
}
