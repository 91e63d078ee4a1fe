//! The engine: an event loop on a thread of its own, and the handle by which the process it lives in drives it.
//!
//! `accept` and `connection` are a connection's beginning and what it is made of, `transfer` moves its bytes, `flow` is one direction,
//! `control` is what the handle asks for.

mod accept;
mod address;
mod connection;
mod control;
mod counters;
mod error;
mod event_loop;
mod flow;
mod proxy;
mod resolve;
mod timer;
mod transfer;

pub use counters::{Counters, DirectionCounters};
pub use error::ProxyError;
pub use proxy::{ProxyConfig, ProxyInfo, Refusal};

use crate::toxic::{Direction, ToxicSpec};
use address::listen_address;
use event_loop::EventLoop;
use mio::Waker;
use std::io;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// Work for the thread of the event loop.
type Command = Box<dyn FnOnce(&mut EventLoop) + Send>;

/// What is to change about a proxy.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct ProxyChange {
    pub listen: Option<String>,
    pub upstream: Option<String>,
    pub enabled: Option<bool>,
}

/// All proxies of a process. Clones drive the same engine; with the last one it stops, and every connection closes.
///
/// Each call is carried out when it returns. Proxies are named; every call on a name that does not exist is
/// [`ProxyError::ProxyNotFound`], and on an engine that has ended [`ProxyError::Stopped`].
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
}

struct Shared {
    commands: Sender<Command>,
    waker: Arc<Waker>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Engine {
    /// Starts an engine without proxies. All random draws of toxics and layers come from `seed`: the same for the same ordinal of a
    /// connection, whatever the others do.
    ///
    /// # Errors
    /// When the system gives no epoll, timer or thread.
    pub fn start(seed: u64) -> io::Result<Self> {
        crate::allow_many_files();
        let (commands, asked) = channel::<Command>();
        let mut waker = None;
        let answers = commands.clone();
        let mut event_loop = EventLoop::new(seed, asked, |made| {
            waker = Some(made.clone());
            Arc::new(move |command| {
                // A loop that has ended needs no answers.
                let _ = answers.send(command);
                let _ = made.wake();
            })
        })?;
        let waker = waker.ok_or(io::ErrorKind::Other)?;
        let run = move || {
            if let Err(error) = event_loop.run() {
                eprintln!("the proxy's event loop ended: {error}");
            }
        };
        let thread = std::thread::Builder::new()
            .name("proxy".to_owned())
            .spawn(run)?;
        Ok(Self {
            shared: Arc::new(Shared {
                commands,
                waker,
                thread: Mutex::new(Some(thread)),
            }),
        })
    }

    /// Makes a proxy; gives it with the port that it listens on.
    ///
    /// # Errors
    /// When the name is taken or the address cannot be listened on.
    pub fn create(&self, config: ProxyConfig) -> Result<ProxyInfo, ProxyError> {
        let address = listen_address(&config.listen);
        let address = address.map_err(|error| ProxyError::Listen(format!("listen tcp: {error}")));
        self.call(move |event_loop| event_loop.create(config, address))?
    }

    /// All proxies by name.
    ///
    /// # Errors
    /// When the engine has stopped.
    pub fn proxies(&self) -> Result<Vec<ProxyInfo>, ProxyError> {
        self.call(|event_loop| event_loop.all().map(|proxy| proxy.info()).collect())
    }

    /// # Errors
    /// When there is none of this name.
    pub fn proxy(&self, name: &str) -> Result<ProxyInfo, ProxyError> {
        let name = name.to_owned();
        self.call(move |event_loop| event_loop.named(&name).map(|proxy| proxy.info()))?
    }

    /// Changes where a proxy listens or leads, or whether it is enabled. Anything but the same ends its connections.
    ///
    /// # Errors
    /// When the address cannot be listened on; the proxy is disabled then.
    pub fn update(&self, name: &str, change: ProxyChange) -> Result<ProxyInfo, ProxyError> {
        let current = self.proxy(name)?;
        let listen = change.listen.unwrap_or(current.listen);
        let address = listen_address(&listen)?;
        let upstream = change.upstream.unwrap_or(current.upstream);
        let enabled = change.enabled.unwrap_or(current.enabled);
        let name = name.to_owned();
        self.call(move |event_loop| event_loop.update(&name, listen, address, upstream, enabled))?
    }

    /// Takes a proxy away; its connections close.
    ///
    /// # Errors
    /// When there is none of this name.
    pub fn remove(&self, name: &str) -> Result<(), ProxyError> {
        let name = name.to_owned();
        self.call(move |event_loop| event_loop.remove(&name))?
    }

    /// Makes each proxy, or makes it anew where one of that name listens or leads elsewhere; equal ones stay as they are. Gives those
    /// up to the first that failed, and its error.
    pub fn populate(&self, configs: Vec<ProxyConfig>) -> (Vec<ProxyInfo>, Result<(), ProxyError>) {
        let mut made = Vec::with_capacity(configs.len());
        for config in configs {
            let address = listen_address(&config.listen);
            let result = self.call(move |event_loop| event_loop.create_or_replace(config, address));
            match result.and_then(|result| result) {
                Ok(info) => made.push(info),
                Err(error) => return (made, Err(error)),
            }
        }
        (made, Ok(()))
    }

    /// Enables every proxy and takes every fault away: toxics, stalls, refusals.
    ///
    /// # Errors
    /// When a disabled proxy cannot listen again.
    pub fn reset(&self) -> Result<(), ProxyError> {
        let disabled = self.proxies()?.into_iter().filter(|proxy| !proxy.enabled);
        for proxy in disabled {
            let change = ProxyChange {
                enabled: Some(true),
                ..ProxyChange::default()
            };
            self.update(&proxy.name, change)?;
        }
        self.call(EventLoop::heal_all)
    }

    /// Puts a toxic behind the others of its direction, on open connections too.
    ///
    /// # Errors
    /// When the proxy has one of this name.
    pub fn add_toxic(&self, proxy: &str, toxic: ToxicSpec) -> Result<(), ProxyError> {
        let proxy = proxy.to_owned();
        self.call(move |event_loop| event_loop.add_toxic(&proxy, toxic))?
    }

    /// Gives the toxic of this name new attributes and toxicity; type and direction stay.
    ///
    /// # Errors
    /// When the proxy has none of this name.
    pub fn update_toxic(&self, proxy: &str, toxic: ToxicSpec) -> Result<(), ProxyError> {
        let proxy = proxy.to_owned();
        self.call(move |event_loop| event_loop.update_toxic(&proxy, &toxic))?
    }

    /// # Errors
    /// When the proxy has none of this name.
    pub fn remove_toxic(&self, proxy: &str, toxic: &str) -> Result<(), ProxyError> {
        let (proxy, toxic) = (proxy.to_owned(), toxic.to_owned());
        self.call(move |event_loop| event_loop.remove_toxic(&proxy, &toxic))?
    }

    /// Withholds (or lets go) all bytes and ends of a direction, of connections to come too. Nothing is lost: the sender feels it once
    /// the buffers in between are full.
    ///
    /// # Errors
    /// When there is no proxy of this name.
    pub fn stall(&self, proxy: &str, direction: Direction, on: bool) -> Result<(), ProxyError> {
        let proxy = proxy.to_owned();
        self.call(move |event_loop| event_loop.stall(&proxy, direction, on))?
    }

    /// Resets every open connection, both sides; how many.
    ///
    /// # Errors
    /// When there is no proxy of this name.
    pub fn cut(&self, proxy: &str) -> Result<u64, ProxyError> {
        let proxy = proxy.to_owned();
        self.call(move |event_loop| event_loop.cut(&proxy))?
    }

    /// Sets what becomes of new connections; open ones stay.
    ///
    /// # Errors
    /// When the port cannot be listened on again.
    pub fn refuse(&self, proxy: &str, refusal: Refusal) -> Result<(), ProxyError> {
        let proxy = proxy.to_owned();
        self.call(move |event_loop| event_loop.refuse(&proxy, refusal))?
    }

    /// What has passed, and what faults have done.
    ///
    /// # Errors
    /// When there is no proxy of this name.
    pub fn counters(&self, proxy: &str) -> Result<Counters, ProxyError> {
        let proxy = proxy.to_owned();
        self.call(move |event_loop| event_loop.counters(&proxy))?
    }

    /// Calls `on_timer` of every layer of a proxy: settings that they share have changed.
    ///
    /// # Errors
    /// When there is no proxy of this name.
    pub fn poke(&self, proxy: &str) -> Result<(), ProxyError> {
        let proxy = proxy.to_owned();
        self.call(move |event_loop| event_loop.poke(&proxy))?
    }

    /// Has the event loop do something, and waits for it.
    fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut EventLoop) -> T + Send + 'static,
    ) -> Result<T, ProxyError> {
        let (reply, answer) = channel();
        let command: Command = Box::new(move |event_loop| {
            let _ = reply.send(work(event_loop));
        });
        let sent = self.shared.commands.send(command);
        sent.map_err(|_| ProxyError::Stopped)?;
        self.shared.waker.wake().map_err(|_| ProxyError::Stopped)?;
        answer.recv().map_err(|_| ProxyError::Stopped)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let stop: Command = Box::new(|event_loop| event_loop.stopping = true);
        let _ = self.commands.send(stop);
        let _ = self.waker.wake();
        let thread = self
            .thread
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(thread) = thread.take()
            && thread.thread().id() != std::thread::current().id()
        {
            // A panic of the loop has been printed by its own thread.
            let _ = thread.join();
        }
    }
}
