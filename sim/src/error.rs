//! Why a plan could not be simulated.

/// What stops a simulation before its end.
#[derive(Debug, thiserror::Error)]
pub enum SimError {
    #[error(
        "service `{service}` runs `{command}`, which is no reference service: only those can be simulated; run it with --on embedded"
    )]
    ForeignService { service: String, command: String },
    #[error("service `{service}` cannot be set up: {why}")]
    Service { service: String, why: String },
    #[error("{0}; see `bus.kafka.broker` of the scenario")]
    Broker(String),
    #[error("the load `{load}` cannot be made: {why}")]
    Load { load: String, why: String },
    #[error(transparent)]
    Payload(#[from] squall_plan::payload::PayloadError),
    #[error("the cluster did not come up within {0} s of virtual time")]
    ClusterNotReady(u64),
    #[error("service `{0}` was not ready in time; give it more with timing.ready")]
    ServiceNotReady(String),
    #[error(
        "nothing can happen any more at {0} ns of virtual time, and the run is not over: a defect of the simulator"
    )]
    Stalled(u64),
    #[error("the run was not over after {0} s of virtual time")]
    TooLong(u64),
}
