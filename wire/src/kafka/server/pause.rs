//! A broker whose process is stopped, and goes on: what SIGSTOP and SIGCONT do.
//!
//! While it is stopped, links to it queue, its sockets fill up in the kernel, which goes on taking connections into the
//! backlog, and its timers and finished flushes wait. Then all of it comes at once, into a machine whose clock has jumped.

use super::Server;
use super::command::CommandError;

impl Server {
    pub(super) fn pause(&mut self, broker: i32) -> Result<(), CommandError> {
        let index = self.broker_index(broker)?;
        let node = &mut self.nodes[index];
        if node.machine.is_none() {
            return Err(CommandError::NotRunning(broker));
        }
        if node.is_paused() {
            return Err(CommandError::Paused(broker));
        }
        node.held = Some(Vec::new());
        Ok(())
    }

    pub(super) fn resume(&mut self, broker: i32) -> Result<(), CommandError> {
        let index = self.broker_index(broker)?;
        let node = &mut self.nodes[index];
        let held = node.held.take().ok_or(CommandError::NotPaused(broker))?;
        let id = node.id;
        for input in held {
            self.step(index, input);
        }
        // What the sockets told while nobody listened is not told again.
        self.accept(index);
        let connections = self.connections.iter();
        let own = connections.filter(|(_, connection)| connection.broker == id);
        let own: Vec<u64> = own.map(|(id, _)| *id).collect();
        own.into_iter().for_each(|id| self.activate(id));
        Ok(())
    }
}
