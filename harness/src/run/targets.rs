//! Where the services of a run tell their metrics, as Prometheus' HTTP service discovery reads it
//! (<https://prometheus.io/docs/prometheus/latest/http_sd/>): their ports are others in each run.

use crate::environment::Environment;
use serde_json::json;
use squall_plan::Plan;
use std::sync::{Arc, OnceLock, Weak};

/// The port of a service that answers `GET /metrics`.
const PORT: &str = "metrics";

/// Knows the services from the plan, and where they are once they have been placed.
#[derive(Clone)]
pub struct Targets {
    services: Arc<[String]>,
    env: Arc<OnceLock<Weak<dyn Environment>>>,
}

impl Targets {
    pub fn of(plan: &Plan) -> Self {
        let services = plan.system.spec.services.iter();
        let telling = services.filter(|service| service.ports.iter().any(|port| port.name == PORT));
        Self {
            services: telling.map(|service| service.name.clone()).collect(),
            env: Arc::default(),
        }
    }

    pub fn placed(&self, env: &Arc<dyn Environment>) {
        // A run has one environment.
        let _ = self.env.set(Arc::downgrade(env));
    }

    /// One group a service, with its name as a label; `[]` before they are placed and after the run.
    pub fn json(&self) -> String {
        let env = self.env.get().and_then(Weak::upgrade);
        let group = |env: &Arc<dyn Environment>, service: &String| {
            let addresses = env.endpoints(service, PORT);
            let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
            json!({ "targets": addresses, "labels": { "service": service } })
        };
        let groups = env.iter().flat_map(|env| {
            let services = self.services.iter();
            services.map(move |service| group(env, service))
        });
        serde_json::Value::Array(groups.collect()).to_string()
    }
}
