//! One start of a service: alive until it ends, is stopped, or is killed.

use super::env::SimEnv;
use super::ingress::IngressState;
use crate::clocks::WallClock;
use crate::kernel::{ProcessId, Signal};
use crate::network::End;
use crate::world::World;
use squall_env::ClientSettings;
use squall_sut::{Service, Settings};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

pub struct Process {
    pub id: ProcessId,
    pub world: Rc<World>,
    /// `consumer-db-0`, for client ids, paths and the clock.
    pub name: String,
    pub clock: Rc<WallClock>,
    /// Settings of the bus for every client of the process.
    pub client: ClientSettings,
    /// False: nothing that is called has any effect any more.
    pub alive: Rc<Cell<bool>>,
    pub ready: Cell<bool>,
    pub stopping: Cell<bool>,
    /// Raised when `ready`, `stopping` or `ended` changes.
    pub changed: Signal,
    /// Why it ended by itself, or that it ended well.
    pub ended: RefCell<Option<Result<(), String>>>,
    pub ingress: RefCell<Option<Rc<IngressState>>>,
}

impl Process {
    /// A process without a service in it, for the harness's own clients.
    #[must_use]
    pub fn bare(world: &Rc<World>, name: &str, client: ClientSettings) -> Rc<Self> {
        Rc::new(Self {
            id: world.next_process(),
            world: Rc::clone(world),
            name: name.to_owned(),
            clock: world.clocks.of(name),
            client,
            alive: Rc::new(Cell::new(true)),
            ready: Cell::new(false),
            stopping: Cell::new(false),
            changed: Signal::new(&world.kernel),
            ended: RefCell::default(),
            ingress: RefCell::default(),
        })
    }

    /// Starts a reference service.
    #[must_use]
    pub fn start(world: &Rc<World>, name: &str, service: Service, settings: Settings) -> Rc<Self> {
        let process = Self::bare(world, name, settings.client.clone());
        let env = SimEnv(Rc::clone(&process));
        let running = Rc::clone(&process);
        world.kernel.spawn(process.id, async move {
            let result = squall_sut::run(&env, service, &settings).await;
            running.exit(result.map_err(|error| error.to_string()));
        });
        process
    }

    /// It ends by itself: the rest of it goes with it, once its task has returned.
    fn exit(self: &Rc<Self>, result: Result<(), String>) {
        self.ended.replace(Some(result));
        let process = Rc::clone(self);
        let kernel = &self.world.kernel;
        kernel.at(kernel.now(), move || process.kill());
    }

    /// SIGKILL: dead first, then the tasks are dropped, then the others see the connections close.
    pub fn kill(&self) {
        self.alive.set(false);
        self.ready.set(false);
        self.world.kernel.end_process(self.id);
        if let Some(ingress) = self.ingress.borrow_mut().take() {
            ingress.die();
        }
        self.world.cluster.process_died(self.id);
        self.world.network.forget(End::Process(self.id));
        self.changed.raise();
    }

    /// SIGTERM.
    pub fn ask_to_stop(&self) {
        self.stopping.set(true);
        self.changed.raise();
    }

    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.ended.borrow().is_some() || !self.alive.get()
    }
}
