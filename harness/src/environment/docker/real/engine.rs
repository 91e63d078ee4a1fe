//! The container engine: everything that it holds for a run, and what can be done to it.

use super::images::Image;
use super::labels::{Labels, RUN};
use crate::environment::EnvironmentError;
use futures_util::StreamExt;
use futures_util::future::join_all;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Display;
use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use testcontainers::bollard::Docker;
use testcontainers::bollard::errors::Error;
use testcontainers::bollard::exec::{CreateExecOptions, StartExecResults};
use testcontainers::bollard::models::{NetworkCreateRequest, PortBinding};
use testcontainers::bollard::query_parameters::{
    InspectContainerOptions, KillContainerOptionsBuilder, ListContainersOptionsBuilder,
    ListNetworksOptionsBuilder, RemoveContainerOptionsBuilder, StartContainerOptions,
    StopContainerOptionsBuilder,
};
use testcontainers::core::client::docker_client_instance;
use testcontainers::core::{ContainerPort, WaitFor};
use testcontainers::runners::AsyncRunner;
use testcontainers::{ContainerAsync, ContainerRequest, GenericImage, ImageExt};
use tokio::runtime::Runtime;

/// What a container has after its creation until it runs; pulling is not part of it.
const STARTS_WITHIN: Duration = Duration::from_secs(60);

pub struct Engine {
    /// `Some` until it is dropped.
    runtime: Option<Runtime>,
    docker: Docker,
    labels: Labels,
    containers: Mutex<Containers>,
}

/// By name.
type Containers = BTreeMap<String, ContainerAsync<GenericImage>>;

/// Where a container stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Standing {
    pub running: bool,
    /// Another text after each start.
    pub started_at: String,
    /// On the run's network; empty when it is not running.
    pub address: String,
}

/// What a container is made from.
pub struct Spec {
    pub name: String,
    pub image: Image,
    pub environment: Vec<(String, String)>,
    pub command: Vec<String>,
    /// On 127.0.0.1, and inside.
    pub ports: Vec<(u16, u16)>,
    /// Shares the network namespace of this container, with the right to filter there.
    pub beside: Option<String>,
}

impl Engine {
    /// Connects, and makes the run's network.
    ///
    /// # Errors
    /// When no engine answers.
    pub fn connect() -> Result<Self, EnvironmentError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("containers")
            .enable_all()
            .build();
        let runtime = runtime.map_err(|error| failed("the containers' client", &error))?;
        let docker = runtime.block_on(async {
            let docker = docker_client_instance().await;
            let docker = docker.map_err(|error| unreachable(&error))?;
            docker.ping().await.map_err(|error| unreachable(&error))?;
            Ok::<_, EnvironmentError>(docker)
        })?;
        Ok(Self {
            runtime: Some(runtime),
            docker,
            labels: Labels::of_this_process(),
            containers: Mutex::default(),
        })
    }

    pub fn make_network(&self) -> Result<(), EnvironmentError> {
        let request = NetworkCreateRequest {
            name: self.labels.run.clone(),
            labels: Some(self.labels.all().clone()),
            ..NetworkCreateRequest::default()
        };
        let made = self.wait(self.docker.create_network(request));
        made.map(drop)
            .map_err(|error| failed("no network for the containers", &error))
    }

    /// Begins the names of everything of this run.
    pub fn run(&self) -> &str {
        &self.labels.run
    }

    pub const fn docker(&self) -> &Docker {
        &self.docker
    }

    /// Waits for what the engine does.
    pub fn wait<T>(&self, what: impl Future<Output = T>) -> T {
        match &self.runtime {
            Some(runtime) => runtime.block_on(what),
            // It is taken by the drop alone, after which nobody can ask.
            None => unreachable!("the containers' client has ended"),
        }
    }

    pub fn handle(&self) -> Option<tokio::runtime::Handle> {
        self.runtime
            .as_ref()
            .map(|runtime| runtime.handle().clone())
    }

    /// Names of those images that are not here and will be pulled.
    pub fn missing_images(&self, wanted: BTreeSet<Image>) -> Vec<String> {
        let names = wanted.into_iter().map(|image| {
            let (name, tag) = image.reference();
            format!("{name}:{tag}")
        });
        let missing = |name: &String| self.wait(self.docker.inspect_image(name)).is_err();
        names.filter(missing).collect()
    }

    /// Starts them at the same time.
    ///
    /// # Errors
    /// When an image is not to be had, or the engine refuses.
    pub fn start(&self, specs: Vec<Spec>) -> Result<(), EnvironmentError> {
        let starting = specs.into_iter().map(|spec| async {
            let name = spec.name.clone();
            let (image, tag) = spec.image.reference();
            let variable = spec.image.variable();
            let started = self.request(spec).start().await;
            let started = started.map(|container| (name.clone(), container));
            started.map_err(|error| EnvironmentError::Containers {
                what: format!("the container {name} of {image}:{tag} cannot be started"),
                why: error.to_string(),
                help: format!(
                    "where no registry is reachable, `.ci/images/build` makes the images; {variable} names another"
                ),
            })
        });
        let all = self.wait(join_all(starting));
        let mut first = Ok(());
        for started in all {
            match started {
                Ok((name, container)) => {
                    self.containers().insert(name, container);
                }
                Err(error) if first.is_ok() => first = Err(error),
                Err(_) => {}
            }
        }
        first
    }

    fn request(&self, spec: Spec) -> ContainerRequest<GenericImage> {
        let (name, tag) = spec.image.reference();
        // Each is waited for by what it is to do, and not here.
        let image = GenericImage::new(name, tag).with_wait_for(WaitFor::Nothing);
        let mut request = image
            .with_container_name(spec.name)
            .with_labels(self.labels.all().clone())
            .with_startup_timeout(STARTS_WITHIN)
            .with_cmd(spec.command);
        for (name, value) in spec.environment {
            request = request.with_env_var(name, value);
        }
        if let Some(other) = spec.beside {
            let request = request.with_cap_add("NET_ADMIN");
            // By name it would be taken for a network that is to be made.
            return request.with_host_config_modifier(move |host| {
                host.network_mode = Some(format!("container:{other}"));
                host.publish_all_ports = Some(false);
                host.port_bindings = None;
            });
        }
        request = request.with_network(self.labels.run.clone());
        for (outside, inside) in &spec.ports {
            request = request.with_mapped_port(*outside, ContainerPort::Tcp(*inside));
        }
        request.with_host_config_modifier(|host| {
            host.publish_all_ports = Some(false);
            let bindings = host.port_bindings.iter_mut().flat_map(HashMap::values_mut);
            for binding in bindings.flatten().flatten() {
                *binding = PortBinding {
                    host_ip: Some("127.0.0.1".to_owned()),
                    host_port: binding.host_port.take(),
                };
            }
        })
    }

    /// SIGKILL.
    pub fn kill(&self, name: &str) -> Result<(), String> {
        let options = KillContainerOptionsBuilder::new().signal("SIGKILL").build();
        self.ask(self.docker.kill_container(name, Some(options)))
    }

    /// SIGTERM, and SIGKILL after a time.
    pub fn stop(&self, name: &str, within_s: i32) -> Result<(), String> {
        let options = StopContainerOptionsBuilder::new().t(within_s).build();
        self.ask(self.docker.stop_container(name, Some(options)))
    }

    pub fn start_again(&self, name: &str) -> Result<(), String> {
        self.ask(
            self.docker
                .start_container(name, None::<StartContainerOptions>),
        )
    }

    pub fn pause(&self, name: &str) -> Result<(), String> {
        self.ask(self.docker.pause_container(name))
    }

    pub fn resume(&self, name: &str) -> Result<(), String> {
        self.ask(self.docker.unpause_container(name))
    }

    fn ask(&self, what: impl Future<Output = Result<(), Error>>) -> Result<(), String> {
        self.wait(what).map_err(|error| error.to_string())
    }

    /// Where a container stands at present.
    pub fn look(&self, name: &str) -> Result<Standing, String> {
        let inspect = self
            .docker
            .inspect_container(name, None::<InspectContainerOptions>);
        let found = self.wait(inspect).map_err(|error| error.to_string())?;
        let state = found.state.unwrap_or_default();
        let networks = found
            .network_settings
            .and_then(|settings| settings.networks);
        let own = networks.and_then(|mut networks| networks.remove(&self.labels.run));
        Ok(Standing {
            running: state.running.unwrap_or(false),
            started_at: state.started_at.unwrap_or_default(),
            address: own.and_then(|own| own.ip_address).unwrap_or_default(),
        })
    }

    /// Runs a program in a container, and returns what it printed.
    ///
    /// # Errors
    /// Text for users: what it printed when it failed.
    pub fn run_in(&self, name: &str, command: &[&str]) -> Result<String, String> {
        self.wait(self.run_inside(name, command))
            .map_err(|error| error.to_string())?
    }

    async fn run_inside(
        &self,
        name: &str,
        command: &[&str],
    ) -> Result<Result<String, String>, Error> {
        let options = CreateExecOptions {
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            cmd: Some(command.to_vec()),
            ..CreateExecOptions::default()
        };
        let exec = self.docker.create_exec(name, options).await?.id;
        let mut printed = String::new();
        let started = self.docker.start_exec(&exec, None).await?;
        if let StartExecResults::Attached { mut output, .. } = started {
            while let Some(piece) = output.next().await {
                printed.push_str(&String::from_utf8_lossy(&piece?.into_bytes()));
            }
        }
        let code = self.docker.inspect_exec(&exec).await?.exit_code;
        Ok(match code {
            Some(0) => Ok(printed),
            _ => Err(printed.trim().to_owned()),
        })
    }

    /// Removes one container, running or not.
    pub fn remove(&self, name: &str) {
        let removed = self.containers().remove(name);
        if let Some(container) = removed {
            let _ = self.wait(container.rm());
        }
    }

    /// Removes everything of this run. Safe to call twice.
    ///
    /// # Errors
    /// Text for users: what is still there.
    pub fn shut_down(&self) -> Result<(), String> {
        let containers = std::mem::take(&mut *self.containers());
        self.wait(join_all(containers.into_values().map(ContainerAsync::rm)));
        let run = self.labels.run.clone();
        let left = self.wait(remove_all(&self.docker, |labels| {
            labels.get(RUN) == Some(&run)
        }));
        left.map(drop).map_err(|error| error.to_string())
    }

    fn containers(&self) -> std::sync::MutexGuard<'_, Containers> {
        self.containers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let _ = self.shut_down();
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Removes all containers and networks whose labels are of that kind; tells their names.
pub async fn remove_all(
    docker: &Docker,
    wanted: impl Fn(&HashMap<String, String>) -> bool,
) -> Result<Vec<String>, Error> {
    let mut gone = Vec::new();
    let ours = HashMap::from([("label".to_owned(), vec![RUN.to_owned()])]);
    let all = ListContainersOptionsBuilder::new().all(true).filters(&ours);
    for container in docker.list_containers(Some(all.build())).await? {
        let id = container.id.unwrap_or_default();
        if !wanted(&container.labels.unwrap_or_default()) {
            continue;
        }
        let options = RemoveContainerOptionsBuilder::new().force(true).v(true);
        match docker.remove_container(&id, Some(options.build())).await {
            // Somebody else is at it, or was.
            Ok(())
            | Err(Error::DockerResponseServerError {
                status_code: 404 | 409,
                ..
            }) => {}
            Err(error) => return Err(error),
        }
        let names = container.names.unwrap_or_default();
        let name = names.first().unwrap_or(&id);
        gone.push(format!("container {}", name.trim_start_matches('/')));
    }
    let all = ListNetworksOptionsBuilder::new().filters(&ours).build();
    for network in docker.list_networks(Some(all)).await? {
        let name = network.name.unwrap_or_default();
        if !wanted(&network.labels.unwrap_or_default()) {
            continue;
        }
        match docker.remove_network(&name).await {
            Ok(())
            | Err(Error::DockerResponseServerError {
                status_code: 404, ..
            }) => {}
            Err(error) => return Err(error),
        }
        gone.push(format!("network {name}"));
    }
    Ok(gone)
}

/// No engine answers.
pub fn unreachable(error: &impl Display) -> EnvironmentError {
    EnvironmentError::Containers {
        what: "no container engine answers".to_owned(),
        why: error.to_string(),
        help: "start one (`docker version` must show a server), or point DOCKER_HOST at it"
            .to_owned(),
    }
}

fn failed(what: &str, error: &impl Display) -> EnvironmentError {
    EnvironmentError::Containers {
        what: what.to_owned(),
        why: error.to_string(),
        help: "see the log of the container engine".to_owned(),
    }
}
