//! The usual cause of an anomaly, and its cure, in one or two sentences.

/// What most often lies behind an anomaly of this name.
#[must_use]
pub fn of(anomaly: &str) -> &'static str {
    match anomaly {
        "lost-write" | "unseen" => {
            "an offset was committed before its effect was durable, or the producer did not wait for all in-sync replicas. \
             Commit after the effect; acks=all with min.insync.replicas of at least 2."
        }
        "duplicate-effect" => {
            "an event was delivered again after a crash or rebalance, and its effect is not idempotent. \
             Key the effect by the event's id (a unique column, a file name)."
        }
        "phantom" => {
            "something writes to the sink that is no event of this run: a sink that was not empty, or ids that are made up."
        }
        "rejected-effect" => {
            "the system said no and did it all the same: it answers with an error after the broker has the event. \
             Say no only before sending; a time-out is not a no."
        }
        "order" => {
            "events of one key overtook each other: several partitions or handlers for one key, or retries without idempotence. \
             Key by entity, one handler a partition, enable.idempotence=true."
        }
        "stuck" => {
            "events are still to be handled although nothing is broken any more: a consumer that stopped, a poison event in a retry loop."
        }
        "unexpected-dead-letter" => {
            "an event that should have had its effect was given up on: too few retries for the outage."
        }
        _ => "",
    }
}
