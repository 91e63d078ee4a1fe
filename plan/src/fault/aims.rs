//! What a fault kind may aim at.

use super::Target;

/// The parties that fit a kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Aims {
    /// A service, or one replica of it.
    pub services: bool,
    /// One broker, by number or by role.
    pub brokers: bool,
    /// The controller. It is a node of its own: no broker hosts it.
    pub controller: bool,
    /// Several parties at once: `followers(topic/0)`, `services`, `everyone`.
    pub many: bool,
    /// `brokers`: all of them, one after the other or at once, as the kind does it.
    pub all_brokers: bool,
    /// The harness's own producers.
    pub load: bool,
    /// Sinks.
    pub sinks: bool,
}

impl Aims {
    const NOBODY: Self = Self {
        services: false,
        brokers: false,
        controller: false,
        many: false,
        all_brokers: false,
        load: false,
        sinks: false,
    };
    pub const SERVICES: Self = Self {
        services: true,
        ..Self::NOBODY
    };
    pub const BROKERS: Self = Self {
        brokers: true,
        ..Self::NOBODY
    };
    pub const ALL_BROKERS: Self = Self {
        all_brokers: true,
        ..Self::NOBODY
    };
    pub const LOAD: Self = Self {
        load: true,
        ..Self::NOBODY
    };
    pub const SINKS: Self = Self {
        sinks: true,
        ..Self::NOBODY
    };
    pub const BROKERS_AND_SINKS: Self = Self {
        sinks: true,
        ..Self::BROKERS
    };
    pub const PROCESSES: Self = Self {
        services: true,
        ..Self::BROKERS
    };
    /// Whoever has a connection to somebody.
    pub const PARTIES: Self = Self {
        services: true,
        brokers: true,
        controller: true,
        many: true,
        all_brokers: true,
        load: true,
        sinks: true,
    };

    #[must_use]
    pub const fn fit(&self, target: &Target) -> bool {
        match target {
            Target::Service { .. } => self.services,
            Target::Broker(_) | Target::Leader { .. } | Target::Coordinator { .. } => self.brokers,
            Target::Controller => self.controller,
            Target::Brokers => self.all_brokers,
            Target::Followers { .. } | Target::Services | Target::Everyone => self.many,
            Target::Load => self.load,
            Target::Sink(_) => self.sinks,
        }
    }
}
