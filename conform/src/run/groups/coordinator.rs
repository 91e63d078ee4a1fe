//! The broker that coordinates a group, and requests to it.

use crate::client::Unheard;
use crate::run::link::Heard;
use crate::run::{RunError, Runner};
use crate::seen::Seen;
use crate::step::Number;
use kafka_protocol::protocol::Request;

impl Runner<'_> {
    /// Asks the coordinator, as long as it says that it is not yet or no more.
    pub(super) fn ask_coordinator<R: Request + Clone>(
        &mut self,
        group: Number,
        request: R,
        code: impl Fn(&R::Response) -> i16,
    ) -> Result<Heard<R::Response>, RunError> {
        let name = self.book.group(group);
        let mut waited = 0;
        loop {
            let heard = match self.coordinator(&name)? {
                Some(broker) => self.ask(broker, request.clone())?,
                None => Err(Unheard::NoAnswer),
            };
            let passing = heard.as_ref().map_or(true, |r| matches!(code(r), 14..=16));
            if !passing || self.rough || waited >= 10_000 {
                return Ok(heard);
            }
            self.arm.pass(50)?;
            waited += 50;
        }
    }

    /// Until the broker that is told to coordinate the group does so: by something that changes nothing and is asked until then.
    pub(super) fn await_coordinator(&mut self, group: Number) -> Result<(), RunError> {
        if !self.rough {
            self.describe_group(group)?;
        }
        Ok(())
    }

    pub(super) fn find_coordinator(&mut self, group: Number) -> Result<Seen, RunError> {
        let name = self.book.group(group);
        let found = self.coordinator(&name)?;
        Ok(Seen::Coordinator {
            code: if found.is_some() { 0 } else { 15 },
            is_known: found.is_some_and(|b| self.links.is_awake(b)),
        })
    }
}
