//! What a scenario asks for and an environment cannot do: said when the plan is made, not in the middle of a run.

use super::{Environment, prefix};
use crate::fault::{ELSEWHERE, Fault, refused_links, refused_settings};
use crate::problem::{Problem, Problems};
use crate::scenario::Scenario;

const ITS_OWN_NAMES: &str = "have the service told it, run it elsewhere, or use the name that others may use too: --allow-disturbing";

/// All of it at once; none is no error.
pub fn refusals(scenario: &Scenario, faults: &[Fault], environment: Environment) -> Problems {
    let mut problems = Problems::default();
    let mut cannot = |what: String, fix: &str| {
        let what = format!("{} cannot {what}", environment.name());
        problems.push(Problem::of(&scenario.file, what, fix));
    };
    for fault in faults {
        if let Some(refused) = fault.refused_in(environment) {
            let (kind, name) = (fault.kind.name(), &fault.name);
            let what = format!("inject `{kind}` of fault `{name}`: {}", refused.why);
            cannot(what, refused.fix);
        }
    }
    let cluster = &scenario.cluster;
    match environment {
        Environment::Embedded => {}
        Environment::Sim => {
            let servers = scenario.system.spec.servers.keys();
            let names: Vec<&str> = servers.map(String::as_str).collect();
            if !names.is_empty() {
                let names = names.join(", ");
                cannot(format!("reach the system's servers ({names})"), ELSEWHERE);
            }
        }
        Environment::Docker => {
            if let Some(why) = refused_links(&cluster.links) {
                cannot(
                    format!("make the links of bus.kafka.links: {why}"),
                    ELSEWHERE,
                );
            }
        }
        Environment::External => {
            if let Some((key, why)) = refused_settings(cluster) {
                cannot(format!("set {key}: {why}"), ELSEWHERE);
            }
            let fixed = prefix::fixed_names(&scenario.system, &cluster.topics, "");
            for one in fixed.iter().filter(|_| !cluster.may_disturb) {
                cannot(one.told(), ITS_OWN_NAMES);
            }
        }
    }
    problems
}
