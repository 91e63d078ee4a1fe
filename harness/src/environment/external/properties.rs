//! How the cluster is reached: librdkafka's properties from the scenario, over them a file's, over them variables of the environment.
//! No message shows a value but of those that are choices.

use squall_plan::Plan;
use squall_proxy::kafka::{Access, Address, Login, Mechanism};
use squall_proxy::tls::{self, OnFailure, UpstreamSide};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What the proxy does in the clients' stead. `sasl.mechanism` is another name of `sasl.mechanisms`.
const KNOWN: [&str; 8] = [
    "bootstrap.servers",
    "security.protocol",
    "sasl.mechanisms",
    "sasl.username",
    "sasl.password",
    "ssl.ca.location",
    "ssl.certificate.location",
    "ssl.key.location",
];
/// Names a file with more properties.
const FILE: &str = "file";
const VARIABLES: &str = "SQUALL_KAFKA_";
/// A file of properties is a page.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// A value, and the folder that a path in it is relative to.
struct Property {
    value: String,
    folder: PathBuf,
}

/// What was gathered. Holds secrets, so it has no `Debug`.
pub struct Properties {
    pub bootstrap: Vec<Address>,
    by_name: BTreeMap<&'static str, Property>,
}

impl Properties {
    /// # Errors
    /// Text for users: all that is wrong or missing.
    pub fn gather(plan: &Plan, variable: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let mut layers = Layers::default();
        let scenario = Path::new(&plan.file).parent().unwrap_or(Path::new(""));
        let written = &plan.cluster.external;
        let named = written.iter().filter(|(name, _)| *name != FILE);
        named.for_each(|(name, value)| layers.lay(name, value, scenario));
        let of_scenario = written.get(FILE).map(|file| scenario.join(file));
        let told = variable(&variable_of(FILE)).map(PathBuf::from);
        if let Some(file) = told.or(of_scenario) {
            layers.lay_file(&file);
        }
        for name in KNOWN {
            if let Some(value) = variable(&variable_of(name)).filter(|value| !value.is_empty()) {
                layers.lay(name, &value, Path::new(""));
            }
        }
        let bootstrap = layers.bootstrap();
        match layers.problems.is_empty() {
            true => Ok(Self {
                bootstrap,
                by_name: layers.by_name,
            }),
            false => Err(layers.problems.join("\n  ")),
        }
    }

    /// # Errors
    /// Text for users: a choice that the proxy does not know, something missing, or a file of no use.
    pub fn access(&self, on_failure: OnFailure) -> Result<Access, String> {
        let protocol = self.get("security.protocol").unwrap_or("plaintext");
        let (tls, sasl) = match protocol.to_ascii_lowercase().as_str() {
            "plaintext" => (false, false),
            "ssl" => (true, false),
            "sasl_plaintext" => (false, true),
            "sasl_ssl" => (true, true),
            _ => {
                return Err(format!(
                    "security.protocol={protocol} is none of plaintext, ssl, sasl_plaintext and sasl_ssl"
                ));
            }
        };
        Ok(Access {
            tls: tls.then(|| self.tls()).transpose()?,
            login: sasl.then(|| self.login()).transpose()?.map(Arc::new),
            on_failure,
        })
    }

    fn tls(&self) -> Result<Arc<rustls::ClientConfig>, String> {
        let certificate = self.path("ssl.certificate.location");
        let key = self.path("ssl.key.location");
        if certificate.is_some() != key.is_some() {
            return Err(
                "ssl.certificate.location and ssl.key.location come together or not at all"
                    .to_owned(),
            );
        }
        let side = UpstreamSide {
            ca: self.path("ssl.ca.location"),
            identity: certificate.zip(key),
        };
        tls::connect(&side).map_err(|error| error.to_string())
    }

    fn login(&self) -> Result<Login, String> {
        let mechanisms = Mechanism::ALL.map(Mechanism::name).join(", ");
        let wanted = self.get("sasl.mechanisms");
        let wanted = wanted.ok_or(format!("sasl.mechanisms is not set: one of {mechanisms}"))?;
        let known = Mechanism::ALL
            .into_iter()
            .find(|known| known.name() == wanted);
        let mechanism = known.ok_or(format!(
            "sasl.mechanisms={wanted}: Squall's proxy logs in by one of {mechanisms}"
        ))?;
        let get = |name: &'static str| {
            let how = || format!("{name} is not set: set {}", variable_of(name));
            self.get(name).ok_or_else(how)
        };
        Ok(Login::new(
            mechanism,
            get("sasl.username")?,
            get("sasl.password")?,
        ))
    }

    fn get(&self, name: &str) -> Option<&str> {
        let property = self.by_name.get(name)?;
        Some(property.value.as_str())
    }

    fn path(&self, name: &str) -> Option<PathBuf> {
        let property = self.by_name.get(name)?;
        Some(property.folder.join(&property.value))
    }
}

#[derive(Default)]
struct Layers {
    by_name: BTreeMap<&'static str, Property>,
    problems: Vec<String>,
}

impl Layers {
    fn lay(&mut self, name: &str, value: &str, folder: &Path) {
        let name = match name {
            "sasl.mechanism" => "sasl.mechanisms",
            "metadata.broker.list" => "bootstrap.servers",
            name => name,
        };
        let Some(known) = KNOWN.into_iter().find(|known| *known == name) else {
            self.problems.push(format!(
                "`{name}` is not one of the properties by which Squall reaches a cluster ({}); settings of the system's clients stand under bus.kafka.client",
                KNOWN.join(", ")
            ));
            return;
        };
        let property = Property {
            value: value.to_owned(),
            folder: folder.to_owned(),
        };
        self.by_name.insert(known, property);
    }

    /// `name=value` lines, as librdkafka's programs and Java's take them; `#` begins a comment.
    fn lay_file(&mut self, file: &Path) {
        let shown = file.display();
        let text = match read(file) {
            Ok(text) => text,
            Err(error) => return self.problems.push(format!("cannot read {shown}: {error}")),
        };
        let folder = file.parent().unwrap_or(Path::new(""));
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            match line.split_once('=') {
                Some((name, value)) => self.lay(name.trim(), value.trim(), folder),
                None => self
                    .problems
                    .push(format!("{shown}, line {number}: write name=value")),
            }
        }
    }

    fn bootstrap(&mut self) -> Vec<Address> {
        let variable = variable_of("bootstrap.servers");
        let Some(property) = self.by_name.get("bootstrap.servers") else {
            self.problems.push(format!(
                "nobody says where the cluster is: set {variable}=HOST:PORT,HOST:PORT, or bus.kafka.external in the scenario"
            ));
            return Vec::new();
        };
        let parse = |text: &str| {
            let (host, port) = text.trim().rsplit_once(':')?;
            let host = host.trim_start_matches('[').trim_end_matches(']');
            let port = port.parse().ok()?;
            (!host.is_empty()).then(|| Address::new(host, port))
        };
        let all: Option<Vec<Address>> = property.value.split(',').map(parse).collect();
        all.unwrap_or_else(|| {
            self.problems
                .push("bootstrap.servers is not like HOST:PORT,HOST:PORT".to_owned());
            Vec::new()
        })
    }
}

fn read(file: &Path) -> std::io::Result<String> {
    if std::fs::metadata(file)?.len() > FILE_BYTES_MAX {
        return Err(std::io::Error::other("it is too long for properties"));
    }
    std::fs::read_to_string(file)
}

/// `SQUALL_KAFKA_SASL_PASSWORD` for `sasl.password`.
fn variable_of(name: &str) -> String {
    format!("{VARIABLES}{}", name.to_uppercase().replace('.', "_"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use squall_plan::plan::Environment;
    use squall_plan::scenario::{Request, load};

    /// A plan as from a scenario in `folder`.
    fn plan(folder: &Path, external: &[(&str, &str)]) -> Plan {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/consumer-crash.yaml");
        let request = Request::default();
        let scenario = load(&path, &request).unwrap();
        let mut plan = Plan::derive(&scenario, 1, Environment::External).unwrap();
        plan.file = folder.join("scenario.yaml").display().to_string();
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        plan.cluster.external = external.iter().map(own).collect();
        plan
    }

    #[test]
    fn a_variable_wins_over_a_file_and_a_file_over_the_scenario() {
        let folder = tempfile::tempdir().unwrap();
        let text = "# ours\nsasl.username = file\nsasl.password=a=b\nsasl.mechanism=PLAIN\n";
        std::fs::write(folder.path().join("client.properties"), text).unwrap();
        let plan = plan(
            folder.path(),
            &[
                ("bootstrap.servers", "a:1,[::1]:2"),
                ("sasl.username", "scenario"),
                ("security.protocol", "SASL_PLAINTEXT"),
                ("file", "client.properties"),
            ],
        );
        let told = |name: &str| (name == "SQUALL_KAFKA_SASL_USERNAME").then(|| "told".to_owned());
        let properties = Properties::gather(&plan, told).unwrap();
        assert_eq!(properties.get("sasl.username"), Some("told"));
        assert_eq!(properties.get("sasl.password"), Some("a=b"));
        let addresses = [Address::new("a", 1), Address::new("::1", 2)];
        assert_eq!(properties.bootstrap, addresses);
        let access = properties.access(OnFailure::default()).unwrap();
        assert!(access.tls.is_none() && access.login.is_some());
        assert!(!format!("{access:?}").contains("a=b"));
    }

    #[test]
    fn what_is_wrong_is_told_all_at_once_and_no_value_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let text = "ssl.key.password=hidden\nno line\n";
        std::fs::write(folder.path().join("p"), text).unwrap();
        let plan = plan(folder.path(), &[("file", "p")]);
        let Err(told) = Properties::gather(&plan, |_| None) else {
            panic!("it was taken");
        };
        for part in [
            "ssl.key.password",
            "line 2",
            "SQUALL_KAFKA_BOOTSTRAP_SERVERS",
        ] {
            assert!(told.contains(part), "{part} is missing in {told}");
        }
        assert!(!told.contains("hidden"), "{told}");
    }

    #[test]
    fn a_login_needs_a_known_mechanism_and_all_of_it() {
        let at = ("bootstrap.servers", "a:1");
        let sasl = ("security.protocol", "sasl_plaintext");
        let name = ("sasl.username", "jo");
        for (properties, missing) in [
            (vec![at, ("security.protocol", "tls")], "security.protocol"),
            (vec![at, sasl], "sasl.mechanisms"),
            (
                vec![at, sasl, ("sasl.mechanisms", "GSSAPI")],
                "SCRAM-SHA-512",
            ),
            (
                vec![at, sasl, name, ("sasl.mechanisms", "PLAIN")],
                "SQUALL_KAFKA_SASL_PASSWORD",
            ),
        ] {
            let plan = plan(Path::new(""), &properties);
            let properties = Properties::gather(&plan, |_| None).unwrap();
            let told = properties.access(OnFailure::default()).unwrap_err();
            assert!(told.contains(missing), "{missing} is missing in {told}");
        }
    }
}
