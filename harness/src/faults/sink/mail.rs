//! A mail server in a mood.

use crate::environment::mail_server::{MailServer, Met, Mood};
use crate::faults::{FaultError, Injection};
use std::sync::Arc;

pub struct MailTrouble {
    server: Arc<MailServer>,
    before: Met,
    healed: Option<String>,
}

pub fn inject(server: Arc<MailServer>, mood: Mood) -> MailTrouble {
    let before = server.met();
    server.set_mood(mood);
    MailTrouble {
        server,
        before,
        healed: None,
    }
}

impl MailTrouble {
    /// What mails met since it began; `None`: nothing.
    fn met(&self) -> Option<String> {
        let now = self.server.met();
        let held_up = now.held_up - self.before.held_up;
        let refused = now.refused - self.before.refused;
        let (what, code) = (self.server.takes(), self.server.refusal());
        match (held_up, refused) {
            (0, 0) => None,
            (0, refused) => Some(format!("{refused} {what} were answered {code}")),
            (held_up, 0) => Some(format!("the answers to {held_up} {what} were held up")),
            (held_up, refused) => Some(format!(
                "{held_up} {what} held up, {refused} answered {code}"
            )),
        }
    }
}

impl Injection for MailTrouble {
    fn bite(&self) -> Option<String> {
        match &self.healed {
            None => self.met(),
            Some(met) => (!met.is_empty()).then(|| met.clone()),
        }
    }

    fn heal(&mut self) -> Result<String, FaultError> {
        if self.healed.is_none() {
            self.server.set_mood(Mood::Ready);
            self.healed = Some(self.met().unwrap_or_default());
        }
        Ok(format!(
            "the server at {} takes {} as before",
            self.server.address(),
            self.server.takes()
        ))
    }
}

impl Drop for MailTrouble {
    fn drop(&mut self) {
        let _ = self.heal();
    }
}
