//! What a scenario asks for and an environment cannot do: said when the plan is made, not in the middle of a run.

use super::{Environment, prefix};
use crate::fault::{ELSEWHERE, Fault, refused_links, refused_settings};
use crate::problem::Problems;
use crate::scenario::Scenario;

const ITS_OWN_NAMES: &str = "have the service told it, run it elsewhere, or use the name that others may use too: --allow-disturbing";
const SYSTEM: &str = "system.use";
const SINKS: &str = "system.sinks";

const IN_CONTAINERS: &str = "run it with --on docker, or give the sink another store";

/// All of it at once; none is no error.
pub fn refusals(scenario: &Scenario, faults: &[Fault], environment: Environment) -> Problems {
    let mut problems = Problems::default();
    let mut cannot = |path: &str, what: String, fix: &str| {
        let what = format!("{} cannot {what}", environment.name());
        problems.at(scenario.place_of(path), what, fix);
    };
    for fault in faults {
        if let Some(refused) = fault.refused_in(environment) {
            let (kind, name) = (fault.kind.name(), &fault.name);
            let what = format!("inject `{kind}` of fault `{name}`: {}", refused.why);
            cannot(&path_of(fault, scenario), what, refused.fix);
        }
    }
    let cluster = &scenario.cluster;
    let sinks = scenario.system.spec.sinks.iter();
    let containers = sinks.filter(|sink| sink.in_container() && environment != Environment::Docker);
    for sink in containers {
        let name = &sink.name;
        let what = format!("start the server of sink `{name}`: it is a container");
        cannot(&format!("{SINKS}.{name}"), what, IN_CONTAINERS);
    }
    match environment {
        Environment::Embedded => {}
        Environment::Sim => {
            let servers = scenario.system.spec.servers.keys();
            let names: Vec<&str> = servers.map(String::as_str).collect();
            if !names.is_empty() {
                let what = format!("reach the system's servers ({})", names.join(", "));
                cannot(SYSTEM, what, ELSEWHERE);
            }
        }
        Environment::Docker => {
            let sinks = scenario.system.spec.sinks.iter();
            let untold = sinks.filter(|sink| !scenario.system.tells_of(&sink.name));
            for (sink, url) in untold.filter_map(|sink| Some((sink, sink.url()?))) {
                let name = &sink.name;
                let what = format!("fill sink `{name}`: no service is told where it is");
                let fix = format!("give a service the address `{url}` under system.env");
                cannot(&format!("{SINKS}.{name}"), what, &fix);
            }
            if let Some(why) = refused_links(&cluster.links) {
                let path = "bus.kafka.links";
                cannot(path, format!("make the links of {path}: {why}"), ELSEWHERE);
            }
        }
        Environment::External => {
            if let Some((path, why)) = refused_settings(cluster) {
                cannot(path, format!("set {path}: {why}"), ELSEWHERE);
            }
            let fixed = prefix::fixed_names(&scenario.system, &cluster.topics, "");
            for one in fixed.iter().filter(|_| !cluster.may_disturb) {
                cannot(SYSTEM, one.told(), ITS_OWN_NAMES);
            }
        }
    }
    problems
}

/// Where a fault is written, or what draws it.
fn path_of(fault: &Fault, scenario: &Scenario) -> String {
    let written = scenario.faults.iter().zip(&scenario.fault_places);
    let mut written = written.filter(|(one, _)| one.name == fault.name && !fault.drawn);
    written.next().map_or_else(
        || "nemesis.kinds".to_owned(),
        |(_, place)| format!("faults.{place}.{}", fault.kind.name()),
    )
}
