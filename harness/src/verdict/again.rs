//! How a run is repeated, and what it leaves open.

use squall_plan::Plan;
use squall_plan::plan::Environment;

/// The command that repeats the plan, as a shell takes it, and how far it repeats the run.
#[must_use]
pub fn command(plan: &Plan) -> String {
    let mut words = vec!["squall scenario".to_owned(), shell_word(&plan.file)];
    let mut option = |name: &str, value: &str| words.push(format!("{name} {}", shell_word(value)));
    if let Some(variant) = &plan.variant {
        option("--variant", variant);
    }
    for set in &plan.sets {
        option("--set", set);
    }
    if let Some(events) = plan.scaled_to {
        option("--events", &events.to_string());
    }
    if plan.environment != Environment::Embedded {
        option("--on", plan.environment.name());
    }
    let caveat = match plan.environment {
        Environment::Embedded | Environment::Docker | Environment::External => {
            "same plan; timing may differ"
        }
        Environment::Sim => "the same run, byte for byte",
    };
    option("--seed", &plan.seed.to_string());
    format!("{}   ({caveat})", words.join(" "))
}

/// One word of a shell's, quoted where it must be.
fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./=:,@%+".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// What the run does not prove.
#[must_use]
pub fn scope(plan: &Plan) -> String {
    match plan.environment {
        Environment::Embedded => {
            "one schedule on model brokers over loopback: latencies say nothing about production. Other schedules: another --seed, or --on sim."
        }
        Environment::External => "one schedule on a cluster that may have had other work too. Other schedules: another --seed, or --on sim.",
        Environment::Docker => "one schedule on real brokers of one machine. Other schedules: another --seed, or --on sim.",
        Environment::Sim => "one schedule of simulated clients, brokers and disks. Real clients: --on embedded. Other schedules: another --seed.",
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_shell_would_take_apart_is_quoted() {
        assert_eq!(
            shell_word("load.stages.0.rate=50/s"),
            "load.stages.0.rate=50/s"
        );
        assert_eq!(shell_word("faults=[]"), "'faults=[]'");
        assert_eq!(shell_word("name=it's"), r"'name=it'\''s'");
        assert_eq!(shell_word(""), "''");
    }
}
