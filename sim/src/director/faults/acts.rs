//! What a fault does to what it hits, what of it is seen, and how it is taken back.

use super::targets::Hit;
use super::{Faults, LOOK_EVERY};
use crate::director::services::Replica;
use crate::kernel::{MS, Nanos, SECOND};
use squall_model::kafka::{DiskState, NodeId};
use squall_plan::fault::{Act, DiskTrouble, Fault, FaultKind, Terms};

pub(super) const STOP_WITHIN: Nanos = 10 * SECOND;
/// More than any session that an older process of a broker may have left.
const BACK_WITHIN: Nanos = 60 * SECOND;

impl Faults {
    /// Whether that shows already.
    pub(super) async fn hit(&self, fault: &Fault, hit: &Hit) -> bool {
        match (fault.kind, hit) {
            (_, Hit::Load | Hit::Cut(..) | Hit::Flap(..) | Hit::Treated(..)) => false,
            (_, Hit::Roll(_) | Hit::Deploy(_)) => false,
            (_, Hit::Scale(scale)) => self.scale(scale).await,
            (_, Hit::Clocks(replicas)) => {
                self.set_clocks(replicas, skew_ms(&fault.terms));
                false
            }
            (FaultKind::Pause, Hit::Broker(id)) => {
                self.world.cluster.pause_broker(*id);
                false
            }
            (FaultKind::Down, Hit::Broker(id)) => {
                self.world.cluster.shut_out_clients(*id);
                false
            }
            (FaultKind::SlowStart, Hit::Services(replicas)) => {
                let mut any = false;
                for replica in replicas {
                    any |= self.services.stop(replica).await;
                    // One that cannot be started says so when it is mended.
                    let _ = self.services.start(replica).await;
                    self.services.pause(replica);
                }
                any
            }
            (FaultKind::Pause, Hit::Services(replicas)) => {
                let pause = |any, replica| self.services.pause(replica) | any;
                replicas.iter().fold(false, pause)
            }
            (FaultKind::PowerLoss, Hit::Broker(id)) => self.world.cluster.lose_power(*id),
            (kind, Hit::Sink(_, path)) => {
                if let Act::Trouble(trouble) = kind.row().act {
                    self.world.troubles.begin(path, trouble, fault);
                }
                false
            }
            (kind, Hit::Broker(id)) if let Act::Disk(trouble) = kind.row().act => {
                let state = match trouble {
                    DiskTrouble::Full => DiskState::Full,
                    DiskTrouble::Slow => DiskState::Slow,
                };
                let slow_ns = match fault.terms {
                    Terms::Slow { by_ns } => by_ns,
                    _ => 0,
                };
                self.world.cluster.set_disk(*id, state, slow_ns);
                false
            }
            (FaultKind::Restart, Hit::Broker(id)) => {
                let was_up = self.world.cluster.is_up(*id);
                self.world.cluster.stop_broker(*id, STOP_WITHIN).await;
                was_up
            }
            (_, Hit::Broker(id)) => self.world.cluster.kill_broker(*id),
            (FaultKind::Restart | FaultKind::Stop, Hit::Services(replicas)) => {
                let mut any = false;
                for replica in replicas {
                    any |= self.services.stop(replica).await;
                }
                any
            }
            (_, Hit::Services(replicas)) => replicas
                .iter()
                .fold(false, |any, replica| self.services.kill(replica) | any),
        }
    }

    pub(super) async fn mend(&self, fault: &Fault, hit: &Hit) -> Result<(), String> {
        match hit {
            Hit::Load => Ok(()),
            Hit::Scale(scale) => self.scale_back(scale).await,
            Hit::Deploy(deploy) => {
                for replica in &deploy.replicas {
                    // The one whose turn it was when the fault ended may be down.
                    self.start_and_wait(replica).await?;
                }
                deploy.progress.is_all(deploy.replicas.len())
            }
            Hit::Roll(roll) => {
                for id in &roll.brokers {
                    self.bring_back(*id).await?;
                }
                roll.progress.is_all(roll.brokers.len())
            }
            Hit::Clocks(replicas) => {
                self.set_clocks(replicas, 0);
                Ok(())
            }
            Hit::Cut(_, number) => {
                self.world.network.mend(*number);
                Ok(())
            }
            Hit::Flap(_, flap) => {
                flap.mend(&self.world.network);
                Ok(())
            }
            Hit::Treated(_, number) => {
                self.world.network.lift(*number);
                self.world.cluster.reset_silent();
                Ok(())
            }
            Hit::Broker(id) if fault.kind == FaultKind::Pause => {
                self.world.cluster.resume_broker(*id);
                Ok(())
            }
            Hit::Broker(id) if fault.kind == FaultKind::Down => {
                self.world.cluster.let_in_clients(*id);
                Ok(())
            }
            Hit::Services(replicas) if fault.kind == FaultKind::Pause => {
                replicas.iter().for_each(|one| self.services.resume(one));
                Ok(())
            }
            Hit::Sink(_, path) => {
                self.world.troubles.end(path, &fault.name);
                Ok(())
            }
            Hit::Broker(id) => {
                self.world.cluster.set_disk(*id, DiskState::Sound, 0);
                self.bring_back(*id).await
            }
            Hit::Services(replicas) => {
                for replica in replicas {
                    // It may be one that was stopped at its start.
                    self.services.resume(replica);
                    self.services
                        .start(replica)
                        .await
                        .map_err(|error| error.to_string())?;
                }
                for replica in replicas {
                    self.wait_ready(replica).await?;
                }
                Ok(())
            }
        }
    }

    /// Starts a broker, if it is down, and waits until it is unfenced. One that is down again is another fault's to bring back.
    pub(super) async fn bring_back(&self, id: NodeId) -> Result<(), String> {
        let (cluster, kernel) = (&self.world.cluster, &self.world.kernel);
        if !cluster.start_broker(id) {
            return Ok(());
        }
        let mut deadline = kernel.now() + BACK_WITHIN;
        while cluster.is_up(id) && !cluster.is_unfenced(id) {
            if !self.load_ended.get() {
                // Another fault may keep it from the controller.
                deadline = kernel.now() + BACK_WITHIN;
            }
            if kernel.now() >= deadline {
                return Err(format!("broker {id} was started again but is fenced"));
            }
            kernel.sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    pub(super) async fn wait_ready(&self, replica: &Replica) -> Result<(), String> {
        // While there are other faults in force, it may not get ready however long it takes.
        let others = self.last_ends.get().saturating_sub(self.world.kernel.now());
        let within = others + self.plan.timing.ready_ns;
        let mine = self.services.process(replica).map(|process| process.id);
        let ready = self.services.wait_ready(replica, within).await;
        // Another fault may have hit it meanwhile, and will bring it back or has done so.
        match ready || self.services.was_hit_again(replica, mine) {
            true => Ok(()),
            false => Err(format!("{} was not ready in time", replica.service)),
        }
    }

    fn set_clocks(&self, replicas: &[Replica], skew_ms: i64) {
        for replica in replicas {
            self.world.clocks.skew(&replica.process_name(), skew_ms);
        }
    }

    /// What processes were told by clocks that are wrong. `None`: nothing.
    fn wrong_times(&self, replicas: &[Replica]) -> Option<String> {
        let told: Vec<String> = replicas
            .iter()
            .filter_map(
                |replica| match self.world.clocks.wrong(&replica.process_name()) {
                    (0, _) => None,
                    (times, off_ms) => {
                        Some(format!("{replica} {times} times, at last {off_ms} ms off"))
                    }
                },
            )
            .collect();
        (!told.is_empty()).then(|| format!("bit: a wrong time was told to {}", told.join(", ")))
    }

    /// What met the fault while it was in force, as evidence that it bit. `None`: nothing did, or it shows otherwise.
    pub(super) fn met(&self, fault: &Fault, hit: &Hit, disk_before: u64) -> Option<String> {
        let (times, what) = match hit {
            Hit::Clocks(replicas) => return self.wrong_times(replicas),
            Hit::Sink(name, path) => (
                self.world.troubles.met(path, &fault.name),
                format!("attempts at sink {name} met it"),
            ),
            Hit::Roll(roll) => (
                roll.progress.done.get() as u64,
                format!(
                    "of {} brokers ended and are back in sync",
                    roll.brokers.len()
                ),
            ),
            Hit::Deploy(deploy) => (
                deploy.progress.done.get() as u64,
                format!("of {} replicas run the new version", deploy.replicas.len()),
            ),
            Hit::Cut(_, number) => (
                self.world.network.met(*number),
                "messages were held up".to_owned(),
            ),
            Hit::Flap(_, flap) => (
                flap.met(&self.world.network),
                "messages were held up".to_owned(),
            ),
            Hit::Treated(_, number) => (
                self.world.network.suffered(*number),
                "messages met it".to_owned(),
            ),
            Hit::Broker(id) if fault.kind == FaultKind::Down => (
                self.world.cluster.shut_out(*id),
                format!("connections to {hit} were cut and refused"),
            ),
            Hit::Broker(id) if fault.kind == FaultKind::Pause => (
                self.world.cluster.waiting_for(*id) as u64,
                format!("things waited for {hit}"),
            ),
            _ if matches!(fault.kind.row().act, Act::Disk(_)) => (
                self.disk_met(hit) - disk_before,
                format!("times the disk of {hit} met it"),
            ),
            _ => return None,
        };
        (times > 0).then(|| format!("bit: {times} {what}"))
    }

    pub(super) fn disk_met(&self, hit: &Hit) -> u64 {
        match hit {
            Hit::Broker(id) => self.world.cluster.disk_met(*id),
            _ => 0,
        }
    }
}

fn skew_ms(terms: &Terms) -> i64 {
    match terms {
        Terms::Skew { by_ns, behind } => {
            let ms = i64::try_from(by_ns / MS).unwrap_or(i64::MAX);
            if *behind { -ms } else { ms }
        }
        _ => 0,
    }
}
