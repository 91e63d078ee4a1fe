//! From a plan to a running site: network, containers, topics, proxies, and the proof that they are in the way.

use super::super::NAME;
use super::bus::{DockerBus, LOOK_EVERY, UP_WITHIN};
use super::engine::{Engine, Spec};
use super::filter::{Meter, Wall};
use super::images::Image;
use super::layout::Layout;
use super::logs::{Followed, Logs, Readers};
use super::network::{DockerNetwork, Ways};
use super::toxiproxy::{self, Toxiproxy};
use super::watch::Watch;
use super::{broker, client, proof, servers, sweep};
use crate::environment::bus::Bus;
use crate::environment::interrupt::{Interrupt, Registered};
use crate::environment::network::End;
use crate::environment::notes::Notes;
use crate::environment::proxied::Proxied;
use crate::environment::served::Served;
use crate::environment::site::{Site, SiteParts};
use crate::environment::view::View;
use crate::environment::{EnvironmentError, until};
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
    let after = || format!("{:.1} s", began.elapsed().as_secs_f64());
    for gone in sweep()? {
        say(&format!("removed what a killed run had left: {gone}"));
    }
    let layout = Arc::new(Layout::of(plan)?);
    let engine = Arc::new(Engine::connect()?);
    let at_second = removed_at_second(&engine);
    start_containers(plan, &engine, &layout, say)?;
    let readers = Readers {
        notes: Arc::clone(&notes),
        happenings: Arc::default(),
    };
    let happenings = Arc::clone(&readers.happenings);
    let logs = follow(&engine, &layout, run_folder, &readers)?;
    // While the brokers start, which takes longest.
    let (wall, toxiproxy, meter) = put_between(plan, &engine, &layout)?;
    say(&format!("Toxiproxy stands after {}", after()));
    await_brokers(&layout)?;
    say(&format!("brokers serve after {}", after()));
    servers::wait_until_ready(plan, &engine, &layout)?;
    let watch = Watch::start(&layout, &notes, &happenings);
    let ways = Arc::new(Ways::new(Arc::clone(&layout), toxiproxy, meter));
    let bus = Arc::new(DockerBus {
        watch: watch
            .map_err(|error| EnvironmentError::Bus(format!("no thread to watch them: {error}")))?,
        engine,
        _at_second: at_second,
        layout,
        ways: Arc::clone(&ways),
        closed: Mutex::default(),
        wall: Arc::clone(&wall),
        logs: Mutex::new(Some(logs)),
    });
    make_topics(plan, &bus)?;
    proof::prove(plan, &ways)?;
    say(&format!(
        "topics stand, traffic flows through Toxiproxy; up after {}",
        after()
    ));
    let served = Served::start(plan, run_folder)?.with_containers(bus.layout.servers());
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

/// The network, the brokers and Toxiproxy, all at the same time.
fn start_containers(
    plan: &Plan,
    engine: &Engine,
    layout: &Layout,
    say: &mut dyn FnMut(&str),
) -> Result<(), EnvironmentError> {
    let run = engine.run();
    let brokers = layout.brokers().into_iter();
    let brokers = brokers.map(|id| broker::spec(run, id, &plan.cluster, layout));
    let others = [
        broker::controller_spec(run, &plan.cluster, layout),
        toxiproxy::spec(run, layout),
    ];
    let specs: Vec<Spec> = brokers
        .chain(others)
        .chain(servers::specs(run, plan, layout))
        .collect();
    let images = specs.iter().map(|spec| spec.image).chain([Image::Filter]);
    for image in engine.missing_images(images.collect()) {
        say(&format!("pulling {image}"));
    }
    engine.make_network()?;
    let count = specs.len();
    engine.start(specs)?;
    say(&format!("{count} containers on the network {run}"));
    Ok(())
}

fn follow(
    engine: &Engine,
    layout: &Layout,
    run_folder: &Path,
    readers: &Readers,
) -> Result<Logs, EnvironmentError> {
    let followed = followed(engine, layout);
    let logs = Logs::follow(engine, followed, &run_folder.join("logs"), readers);
    logs.map_err(|error| EnvironmentError::Bus(format!("their logs cannot be kept: {error}")))
}

/// What stands between the parties and between the brokers.
fn put_between(
    plan: &Plan,
    engine: &Arc<Engine>,
    layout: &Layout,
) -> Result<(Arc<Wall>, Toxiproxy, Meter), EnvironmentError> {
    let names = layout.brokers().into_iter();
    let names = names.map(|id| broker::name(engine.run(), id));
    let names = names.chain([broker::controller_name(engine.run())]);
    let wall = Wall::new(engine, names.collect());
    let toxiproxy = Toxiproxy::open(layout, |way| match &way.to {
        End::Broker(id) => format!("{}:{}", broker::name(engine.run(), *id), way.port),
        to => servers::upstream(engine.run(), plan, to),
    })?;
    let meter = Meter::start(engine, &toxiproxy::name(engine.run()), layout)?;
    let mut faults = plan.faults.iter();
    if faults.any(|fault| fault.kind.row().acts_on_connections) {
        wall.prepare().map_err(EnvironmentError::Bus)?;
    }
    Ok((Arc::new(wall), toxiproxy, meter))
}

/// From now on, until the bus is gone.
fn removed_at_second(engine: &Arc<Engine>) -> Option<Registered> {
    let engine = Arc::clone(engine);
    let interrupt = Interrupt::listen().ok()?;
    Some(interrupt.at_second(move || engine.shut_down()))
}

fn followed(engine: &Engine, layout: &Layout) -> Vec<Followed> {
    let kafka = layout.brokers().into_iter().map(|id| Followed {
        container: broker::name(engine.run(), id),
        file: format!("kafka-{id}.log"),
        broker: Some(id),
    });
    let other = |container: String, file: &str| Followed {
        container,
        file: file.to_owned(),
        broker: None,
    };
    let others = [
        other(broker::controller_name(engine.run()), "controller.log"),
        other(toxiproxy::name(engine.run()), "toxiproxy.log"),
    ];
    let sinks = layout.servers().into_keys();
    let servers = sinks.map(|sink| other(servers::name(engine.run(), &sink), &servers::log(&sink)));
    kafka.chain(others).chain(servers).collect()
}

/// Waits until every broker serves clients and knows all the others.
fn await_brokers(layout: &Layout) -> Result<(), EnvironmentError> {
    let brokers = layout.brokers();
    let knows_all = |id: &u32| {
        let address = layout.direct(*id);
        let answer = address.and_then(|address| client::metadata(address).ok());
        answer.is_some_and(|answer| View::of(&answer).brokers.len() == brokers.len())
    };
    match until(UP_WITHIN, LOOK_EVERY, || brokers.iter().all(knows_all)) {
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
