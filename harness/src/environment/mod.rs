//! Where a plan runs: brokers, services, readiness, supervision and tear-down.
