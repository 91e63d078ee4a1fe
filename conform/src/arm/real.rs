//! A real Kafka as plain processes: three brokers and a KRaft controller of its own, on loopback.

use super::guard::Guarded;
use super::jars::Jars;
use super::{Arm, ArmError, BROKERS};
use crate::arm::embedded::PROPERTIES;
use crate::step::Act;
use rustix::process::Signal;
use squall_wire::kafka::Sent;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const CLUSTER_ID: &str = "c3F1YWxsLWNvbmZvcm0tMQ";
/// Node id of the controller.
const CONTROLLER: i32 = 100;
/// For a process to start or to end.
const PATIENCE: Duration = Duration::from_secs(90);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A running cluster. Dropping it ends every process.
pub struct Real {
    jars: Jars,
    folder: TempDir,
    ports: BTreeMap<i32, u16>,
    nodes: BTreeMap<i32, Guarded>,
}

impl Real {
    /// Formats the folders of four nodes, starts them and returns when every broker takes connections.
    ///
    /// # Errors
    /// When that does not happen in time, with where the logs are.
    pub fn start(jars: Jars) -> Result<Self, ArmError> {
        let folder = tempfile::Builder::new().prefix("squall-kafka").tempdir()?;
        let mut real = Self {
            jars,
            folder,
            ports: free_ports()?,
            nodes: BTreeMap::new(),
        };
        for node in std::iter::once(CONTROLLER).chain(1..=BROKERS) {
            fs::create_dir_all(real.home(node))?;
            fs::write(
                real.home(node).join("server.properties"),
                real.properties(node)?,
            )?;
            fs::write(real.home(node).join("log4j2.yaml"), LOGGING)?;
            real.format(node)?;
        }
        real.launch(CONTROLLER)?;
        (1..=BROKERS).try_for_each(|broker| real.launch(broker))?;
        (1..=BROKERS).try_for_each(|broker| real.await_door(broker))?;
        Ok(real)
    }

    fn home(&self, node: i32) -> PathBuf {
        self.folder.path().join(format!("node-{node}"))
    }

    fn properties(&self, node: i32) -> Result<String, std::io::Error> {
        let port = |node: i32| self.ports.get(&node).copied().unwrap_or(0);
        let listener = if node == CONTROLLER {
            "CONTROLLER"
        } else {
            "PLAINTEXT"
        };
        let role = if node == CONTROLLER {
            "controller"
        } else {
            "broker"
        };
        let data = self.home(node).join("data");
        let mut text = String::new();
        let mut set = |name: &str, value: &str| {
            let _ = writeln!(text, "{name}={value}");
        };
        set("process.roles", role);
        set("node.id", &node.to_string());
        let voter = format!("{CONTROLLER}@127.0.0.1:{}", port(CONTROLLER));
        set("controller.quorum.voters", &voter);
        set("controller.listener.names", "CONTROLLER");
        set(
            "listener.security.protocol.map",
            "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        );
        set(
            "listeners",
            &format!("{listener}://127.0.0.1:{}", port(node)),
        );
        set("log.dirs", &data.display().to_string());
        for (name, value) in PROPERTIES {
            set(name, value);
        }
        // Of a busy machine no replica may be late.
        set("replica.lag.time.max.ms", "5000");
        // The model has no election but for need, and its records do not age.
        set("auto.leader.rebalance.enable", "false");
        set("log.retention.ms", "-1");
        set("log.message.timestamp.after.max.ms", "9223372036854775807");
        set("num.network.threads", "1");
        set("num.io.threads", "2");
        set("log.cleaner.threads", "1");
        set("background.threads", "2");
        set("log.cleaner.dedupe.buffer.size", "8388608");
        Ok(text)
    }

    fn java(&self, heap: &str, node: i32, class: &str) -> Vec<String> {
        let logging = self.home(node).join("log4j2.yaml");
        [
            heap,
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-Xshare:auto",
            &format!("-Dlog4j2.configurationFile={}", logging.display()),
            "-cp",
            &self.jars.class_path(),
            class,
        ]
        .map(str::to_owned)
        .to_vec()
    }

    fn format(&self, node: i32) -> Result<(), ArmError> {
        let config = self.home(node).join("server.properties");
        let output = Command::new("java")
            .args(self.java("-Xmx128m", node, "kafka.tools.StorageTool"))
            .args(["format", "--cluster-id", CLUSTER_ID, "--config"])
            .arg(&config)
            .stdin(Stdio::null())
            .output()?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(ArmError::Process {
            broker: node,
            what: "formatting its folder",
            source: std::io::Error::other(said),
        })
    }

    fn launch(&mut self, node: i32) -> Result<(), ArmError> {
        let mut arguments = self.java("-Xmx400m", node, "kafka.Kafka");
        let config = self.home(node).join("server.properties");
        arguments.push(config.display().to_string());
        let log = self.home(node).join("output.log");
        let process =
            Guarded::start("java", &arguments, &log).map_err(|source| ArmError::Process {
                broker: node,
                what: "starting",
                source,
            })?;
        self.nodes.insert(node, process);
        Ok(())
    }

    fn await_door(&self, broker: i32) -> Result<(), ArmError> {
        let address = self.address(broker);
        self.wait(&format!("the start of broker {broker}"), || {
            TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok()
        })
    }

    fn wait(&self, what: &str, mut condition: impl FnMut() -> bool) -> Result<(), ArmError> {
        let deadline = Instant::now() + PATIENCE;
        while !condition() {
            if Instant::now() > deadline {
                return Err(ArmError::Patience {
                    what: what.to_owned(),
                    patience: PATIENCE,
                    folder: self.keep_logs(),
                });
            }
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }

    /// Copies what the processes said to where it stays.
    fn keep_logs(&self) -> String {
        let kept = std::env::temp_dir().join("squall-conform-logs");
        for node in self.nodes.keys() {
            let _ = copy_log(&self.home(*node), &kept, *node);
        }
        kept.display().to_string()
    }

    fn signal(&self, broker: i32, signal: Signal) -> Result<(), ArmError> {
        let process = self
            .nodes
            .get(&broker)
            .ok_or(ArmError::Unable("a signal"))?;
        process.signal(signal).map_err(|source| ArmError::Process {
            broker,
            what: "sending it a signal",
            source,
        })
    }

    fn end(&mut self, broker: i32, signal: Signal) -> Result<(), ArmError> {
        self.signal(broker, signal)?;
        let gone = |real: &Self| real.nodes.get(&broker).is_none_or(|n| !n.is_alive());
        self.wait(&format!("the end of broker {broker}"), || gone(self))?;
        self.nodes.remove(&broker);
        Ok(())
    }
}

fn copy_log(home: &Path, kept: &Path, node: i32) -> std::io::Result<()> {
    fs::create_dir_all(kept)?;
    fs::copy(
        home.join("output.log"),
        kept.join(format!("node-{node}.log")),
    )?;
    Ok(())
}

/// Ports that were free a moment ago, all held at once so that they differ.
fn free_ports() -> Result<BTreeMap<i32, u16>, std::io::Error> {
    let nodes = std::iter::once(CONTROLLER).chain(1..=BROKERS);
    let held: Vec<_> = nodes
        .map(|node| Ok((node, TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?)))
        .collect::<Result<_, std::io::Error>>()?;
    held.iter()
        .map(|(node, listener)| Ok((*node, listener.local_addr()?.port())))
        .collect()
}

impl Arm for Real {
    fn address(&self, broker: i32) -> SocketAddr {
        let port = self.ports.get(&broker).copied().unwrap_or(0);
        SocketAddr::from((Ipv4Addr::LOCALHOST, port))
    }

    fn act(&mut self, broker: i32, act: Act) -> Result<(), ArmError> {
        match act {
            Act::Kill => self.end(broker, Signal::KILL),
            Act::ShutDown => self.end(broker, Signal::TERM),
            Act::LosePower => Err(ArmError::Unable("a loss of power")),
            Act::Isolate | Act::Rejoin => Err(ArmError::Unable("isolation")),
            Act::Restart => {
                self.launch(broker)?;
                self.await_door(broker)
            }
            Act::Pause => self.signal(broker, Signal::STOP),
            Act::Resume => self.signal(broker, Signal::CONT),
        }
    }

    fn pass(&mut self, ms: u64) -> Result<(), ArmError> {
        std::thread::sleep(Duration::from_millis(ms));
        Ok(())
    }

    fn work(&mut self, _sent: &[Sent], _ms: u64) -> Result<Vec<Sent>, ArmError> {
        Ok(Vec::new())
    }

    fn read_timeout(&self, ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn rest_ms(&self) -> u64 {
        0
    }
}

const LOGGING: &str = "\
Configuration:
  Appenders:
    Console:
      name: out
      target: SYSTEM_OUT
      PatternLayout:
        pattern: '%d %p %c - %m%n'
  Loggers:
    Root:
      level: WARN
      AppenderRef:
        ref: out
";
