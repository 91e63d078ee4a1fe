//! The usual cause of an anomaly, and its cure, in one or two sentences.

use squall_render::report::Story;

/// What most often lies behind an anomaly of this name, and behind this story where there is one.
#[must_use]
pub fn of(anomaly: &str, story: Option<&Story>) -> &'static str {
    let told =
        |what: &str| story.and_then(|story| story.steps.iter().position(|step| step.what == what));
    match anomaly {
        "lost-write" | "unseen" if told("truncated").is_some() => {
            "its leader acknowledged the event alone and lost it when another led. acks=all, with min.insync.replicas of at least 2."
        }
        "lost-write" | "unseen" if matches!((told("committed"), told("crash")), (Some(committed), Some(crash)) if committed < crash) => {
            "its offset was committed before its effect was durable, and the consumer died in between. Commit after the effect."
        }
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
