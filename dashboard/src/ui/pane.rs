//! The panes, in the order in which Tab goes round them.

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Pane {
    Rates,
    Latency,
    Ledger,
    Faults,
    Cluster,
    Services,
    Lag,
    Anomalies,
    Events,
}

impl Pane {
    pub const ALL: [Self; 9] = [
        Self::Rates,
        Self::Latency,
        Self::Ledger,
        Self::Faults,
        Self::Cluster,
        Self::Services,
        Self::Lag,
        Self::Anomalies,
        Self::Events,
    ];

    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Rates => "rates",
            Self::Latency => "latency",
            Self::Ledger => "conservation",
            Self::Faults => "faults",
            Self::Cluster => "cluster",
            Self::Services => "services",
            Self::Lag => "lag",
            Self::Anomalies => "anomalies",
            Self::Events => "events",
        }
    }

    pub(crate) const fn next(self) -> Self {
        Self::ALL[(self as usize + 1) % Self::ALL.len()]
    }

    pub(crate) const fn before(self) -> Self {
        Self::ALL[(self as usize + Self::ALL.len() - 1) % Self::ALL.len()]
    }

    /// By its number on the keyboard, from 1.
    pub(crate) fn by_number(number: char) -> Option<Self> {
        let index = number.to_digit(10)?.checked_sub(1)?;
        Self::ALL.get(index as usize).copied()
    }
}
