//! The slots of system files, as they are filled in the simulated world.

use squall_plan::Plan;
use squall_plan::system::ServiceSpec;
use squall_plan::template::{SYSTEM_SLOTS, Template};
use std::collections::BTreeMap;

pub(super) struct Templates {
    values: BTreeMap<String, String>,
}

impl Templates {
    /// Slots of texts that belong to no service.
    pub fn of_sinks(plan: &Plan) -> Self {
        let client = plan
            .cluster
            .client
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        let values = [
            ("run", "run".to_owned()),
            ("system", "system".to_owned()),
            ("squall", "squall".to_owned()),
            ("bootstrap", "sim:9092".to_owned()),
            ("seed", plan.seed.to_string()),
            ("bugs", plan.system.bugs.join(",")),
            ("client", client.collect::<Vec<_>>().join(",")),
        ];
        Self {
            values: values
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
        }
    }

    pub fn of_service(plan: &Plan, service: &ServiceSpec, replica: u32) -> Self {
        let mut templates = Self::of_sinks(plan);
        let mut set = |name: &str, value: String| templates.values.insert(name.to_owned(), value);
        set("service", service.name.clone());
        set("replica", replica.to_string());
        let known = |bug: &&String| service.bugs.iter().any(|known| known.name == **bug);
        let bugs: Vec<&str> = plan
            .system
            .bugs
            .iter()
            .filter(known)
            .map(String::as_str)
            .collect();
        set("bugs", bugs.join(","));
        if let Some(group) = &service.group {
            set("group", group.clone());
        }
        for (index, port) in service.ports.iter().enumerate() {
            if index == 0 {
                set("port", port.number.to_string());
            }
            set(&format!("port.{}", port.name), port.number.to_string());
        }
        for topic in &plan.cluster.topics {
            set(&format!("topic.{}", topic.name), topic.name.clone());
        }
        // Mails go by the folder in the simulated world; the address is only to be well-formed.
        for sink in plan
            .system
            .spec
            .sinks
            .iter()
            .filter(|sink| sink.served.is_some())
        {
            set(&format!("sink.{}", sink.name), "sink.sim:25".to_owned());
        }
        templates
    }

    /// A text whose slots the plan has checked; one that has no value here stays empty.
    pub fn fill(&self, text: &str) -> String {
        match Template::parse(text, SYSTEM_SLOTS) {
            Ok(template) => template
                .render(|slot, out| out.push_str(self.values.get(slot).map_or("", String::as_str))),
            Err(_) => text.to_owned(),
        }
    }
}
