//! Odd events are a load of their own, see `squall_plan::plan::odd`: the fault marks the time in which it is sent. What
//! shows that it bit is what the brokers said of these events, noted when the load has ended.

use super::{FaultError, Injection};

pub struct Sending;

impl Injection for Sending {
    fn bite(&self) -> Option<String> {
        None
    }

    fn heal(&mut self) -> Result<String, FaultError> {
        Ok("no more of them are sent".to_owned())
    }
}
