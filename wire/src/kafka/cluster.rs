//! The handle to a running cluster, for any thread.

use super::clock::Sent;
use super::config::{ClusterConfig, TopicConfig};
use super::fact::Facts;
use super::link::{Draw, LinkConfig, LinkStats};
use super::server::{
    Command, CommandError, Disk, DiskStats, Ending, LinkChange, Pass, Properties, Server, Snapshot,
    StartError,
};
use mio::Waker;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

/// How long a command that the loop carries out at once may take.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(10);
/// In wall time, for virtual time to pass: it is work, and the machine may be busy.
const PASS_TIMEOUT: Duration = Duration::from_secs(120);

/// A cluster on a thread of its own. Dropping it stops the thread and closes every socket; files stay in its folder until the batches in
/// them are dropped, which the thread does last.
#[derive(Debug)]
pub struct Cluster {
    commands: Sender<Command>,
    waker: Arc<Waker>,
    thread: Option<JoinHandle<std::io::Result<()>>>,
    ports: Vec<u16>,
}

impl Cluster {
    /// Starts brokers and controller, creates the topics, and returns when every broker is registered and unfenced and every partition has a
    /// leader and all its replicas in sync.
    ///
    /// # Errors
    /// When the configuration is impossible, a port is taken, a topic cannot be made, or readiness takes too long.
    pub fn start(config: ClusterConfig) -> Result<Self, StartError> {
        let properties = Properties::new(&config.broker_properties)?;
        let (topics, timeout) = (config.topics.clone(), config.start_timeout);
        let (commands, orders) = mpsc::channel();
        let (started, start) = mpsc::channel();
        // Machines and batches are not `Send`: they are made on the thread that owns them.
        let thread = std::thread::Builder::new()
            .name("squall-kafka".to_owned())
            .spawn(move || match Server::new(config, &properties, orders) {
                Ok((mut server, waker)) => {
                    let _ = started.send(Ok((waker, server.ports())));
                    server.run()
                }
                Err(error) => {
                    let _ = started.send(Err(error));
                    Ok(())
                }
            })
            .map_err(StartError::Loop)?;
        let (waker, ports) = start.recv().map_err(|_| CommandError::Stopped)??;
        let cluster = Self {
            commands,
            waker,
            thread: Some(thread),
            ports,
        };
        cluster.wait_ready(timeout)?;
        if !topics.is_empty() {
            cluster.create_topics(topics)?;
            cluster.wait_ready(timeout)?;
        }
        Ok(cluster)
    }

    /// `host:port` of every broker, as clients' `bootstrap.servers`.
    #[must_use]
    pub fn bootstrap(&self) -> String {
        let addresses: Vec<_> = self.addresses().iter().map(SocketAddr::to_string).collect();
        addresses.join(",")
    }

    /// Where each broker really listens, broker 1 first.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        let address = |port: &u16| SocketAddr::from((Ipv4Addr::LOCALHOST, *port));
        self.ports.iter().map(address).collect()
    }

    /// Waits until every running broker sees all the others, and every partition has a leader and all its replicas in sync.
    ///
    /// # Errors
    /// [`CommandError::NotReady`] after `timeout`.
    pub fn wait_ready(&self, timeout: Duration) -> Result<(), CommandError> {
        let answer = self.send(|reply| Command::WaitReady { reply });
        match receive(&answer?, timeout) {
            Err(CommandError::NotReady(_)) => Err(CommandError::NotReady(timeout)),
            result => result,
        }
    }

    /// # Errors
    /// When the cluster refuses one of them; the others may have been made.
    pub fn create_topics(&self, topics: Vec<TopicConfig>) -> Result<(), CommandError> {
        self.ask(|reply| Command::CreateTopics { topics, reply })
    }

    /// Ends a broker's process at once, as SIGKILL does: its page cache survives, what is in flight to and from it does not.
    ///
    /// # Errors
    /// When there is no such broker or it is down.
    pub fn kill(&self, broker: i32) -> Result<(), CommandError> {
        self.end(broker, Ending::Kill)
    }

    /// Ends a broker's process at once, and what it had not flushed is gone.
    ///
    /// # Errors
    /// As [`Self::kill`].
    pub fn lose_power(&self, broker: i32) -> Result<(), CommandError> {
        self.end(broker, Ending::LosePower)
    }

    /// Asks a broker to hand over its leaderships and end; returns when it has ended.
    ///
    /// # Errors
    /// As [`Self::kill`], and [`CommandError::NotReady`] when the controller does not let it go in time.
    pub fn shut_down(&self, broker: i32) -> Result<(), CommandError> {
        self.end(broker, Ending::ShutDown)
    }

    fn end(&self, broker: i32, how: Ending) -> Result<(), CommandError> {
        self.ask(|reply| Command::End { broker, how, reply })
    }

    /// Starts a broker that was ended, on the same port and with what its disk kept.
    ///
    /// # Errors
    /// When it is running, or its port was taken meanwhile.
    pub fn restart(&self, broker: i32) -> Result<(), CommandError> {
        self.ask(|reply| Command::Restart { broker, reply })
    }

    /// Stops a broker's process from doing anything, as SIGSTOP does: it takes no input, its timers do not fire, and what is
    /// sent to it waits where a kernel would hold it. Its port goes on taking connections.
    ///
    /// # Errors
    /// When there is no such broker, it is down, or it is paused already.
    pub fn pause(&self, broker: i32) -> Result<(), CommandError> {
        self.ask(|reply| Command::Pause { broker, reply })
    }

    /// Lets a paused broker go on: all that waited comes at once.
    ///
    /// # Errors
    /// When there is no such broker or it is not paused.
    pub fn resume(&self, broker: i32) -> Result<(), CommandError> {
        self.ask(|reply| Command::Resume { broker, reply })
    }

    /// Holds (or lets go) everything that node `from` sends to node `to`; node 0 is the controller.
    ///
    /// # Errors
    /// When there is no such node.
    pub fn set_blocked(&self, from: i32, to: i32, blocked: bool) -> Result<(), CommandError> {
        let change = LinkChange::Blocked(blocked);
        self.set_link(from, to, change)
    }

    /// Loses (or no longer loses) every message that node `from` sends to node `to`, and the connection with it; node 0 is
    /// the controller.
    ///
    /// # Errors
    /// When there is no such node.
    pub fn set_cut(&self, from: i32, to: i32, cut: bool) -> Result<(), CommandError> {
        self.set_link(from, to, LinkChange::Cut(cut))
    }

    /// What node `from` has sent to node `to` since the cluster began; node 0 is the controller.
    ///
    /// # Errors
    /// When there is no such node.
    pub fn link_stats(&self, from: i32, to: i32) -> Result<LinkStats, CommandError> {
        self.ask(|reply| Command::LinkStats { from, to, reply })
    }

    /// Changes latency and bandwidth of what node `from` sends to node `to` from now on.
    ///
    /// # Errors
    /// When there is no such node.
    pub fn set_link_config(
        &self,
        from: i32,
        to: i32,
        config: LinkConfig,
    ) -> Result<(), CommandError> {
        self.set_link(from, to, LinkChange::Config(config))
    }

    /// The disk of a broker is full, slow or sound from now on. One that halted on a full disk starts again with
    /// [`Self::restart`], and would halt again while there is no room.
    ///
    /// # Errors
    /// When there is no such broker.
    pub fn set_disk(&self, broker: i32, disk: Disk) -> Result<(), CommandError> {
        self.ask(|reply| Command::SetDisk {
            broker,
            disk,
            reply,
        })
    }

    /// What the disk of a broker has done since the cluster began.
    ///
    /// # Errors
    /// When there is no such broker.
    pub fn disk_stats(&self, broker: i32) -> Result<DiskStats, CommandError> {
        self.ask(|reply| Command::DiskStats { broker, reply })
    }

    /// Lets each message that node `from` sends to node `to` from now on take as much longer as is drawn for it. `None`: no longer.
    ///
    /// # Errors
    /// When there is no such node.
    pub fn set_link_draw(
        &self,
        from: i32,
        to: i32,
        draw: Option<Draw>,
    ) -> Result<(), CommandError> {
        self.set_link(from, to, LinkChange::Draw(draw))
    }

    fn set_link(&self, from: i32, to: i32, change: LinkChange) -> Result<(), CommandError> {
        self.ask(|reply| Command::SetLink {
            from,
            to,
            change,
            reply,
        })
    }

    /// Tells clients from now on that `broker` is at `host:port`, where a proxy stands.
    ///
    /// # Errors
    /// When there is no such broker.
    pub fn advertise(&self, broker: i32, host: &str, port: u16) -> Result<(), CommandError> {
        self.ask(|reply| Command::Advertise {
            broker,
            host: host.to_owned(),
            port,
            reply,
        })
    }

    /// A stream of everything that happens inside from now on.
    ///
    /// # Errors
    /// When the cluster has stopped.
    pub fn facts(&self) -> Result<Facts, CommandError> {
        self.ask(|reply| Command::Facts { reply })
    }

    /// # Errors
    /// When the cluster has stopped.
    pub fn snapshot(&self) -> Result<Snapshot, CommandError> {
        self.ask(|reply| Command::Snapshot { reply })
    }

    /// Lets time pass in a cluster with a virtual clock: `duration`, or less if by then every request of the connections in `sent` is answered and
    /// `until_answered`. Gives those whose request is still in work at a broker that is not paused. Connections to paused
    /// brokers must not be named: nobody reads them.
    ///
    /// # Errors
    /// [`CommandError::RealClock`] in a cluster with a real one.
    pub fn pass(
        &self,
        duration: Duration,
        until_answered: bool,
        sent: Vec<Sent>,
    ) -> Result<Vec<Sent>, CommandError> {
        let answer = self.send(|reply| {
            Command::Pass(Pass {
                sent,
                duration,
                until_answered,
                reply,
            })
        });
        receive(&answer?, PASS_TIMEOUT)
    }

    /// Stops the thread; every broker ends as if killed.
    pub fn stop(mut self) {
        self.stop_thread();
    }

    fn stop_thread(&mut self) {
        if let Some(thread) = self.thread.take() {
            let _ = self.commands.send(Command::Stop);
            let _ = self.waker.wake();
            let _ = thread.join();
        }
    }

    fn ask<T>(
        &self,
        command: impl FnOnce(Sender<Result<T, CommandError>>) -> Command,
    ) -> Result<T, CommandError> {
        receive(&self.send(command)?, COMMAND_TIMEOUT)
    }

    fn send<T>(
        &self,
        command: impl FnOnce(Sender<Result<T, CommandError>>) -> Command,
    ) -> Result<Receiver<Result<T, CommandError>>, CommandError> {
        let (reply, answer) = mpsc::channel();
        let sent = self.commands.send(command(reply));
        sent.map_err(|_| CommandError::Stopped)?;
        self.waker.wake().map_err(|_| CommandError::Stopped)?;
        Ok(answer)
    }
}

fn receive<T>(
    answer: &Receiver<Result<T, CommandError>>,
    timeout: Duration,
) -> Result<T, CommandError> {
    match answer.recv_timeout(timeout) {
        Ok(result) => result,
        Err(RecvTimeoutError::Timeout) => Err(CommandError::NotReady(timeout)),
        Err(RecvTimeoutError::Disconnected) => Err(CommandError::Stopped),
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.stop_thread();
    }
}
