//! Onto which topic odd events go, and whether their ids can be told.

use super::Context;
use crate::fault::{Act, KindRow, Odd};
use crate::problem::Problems;
use crate::system::IdPlace;
use crate::system::cross::known;
use crate::yaml::Node;

/// Fills in the topic of the system's entry where none was named.
pub(super) fn settle(
    topic: &mut String,
    row: &KindRow,
    aim: &Node,
    context: &Context<'_>,
    problems: &mut Problems,
) {
    if !context.found {
        return;
    }
    let Some(entry) = &context.system.spec.entry.topic else {
        let what = format!("`{}` needs a topic by which events enter", row.key);
        let fix = "give the system file an `entry.topic`: it tells where the ids of records travel";
        return problems.at(&aim.place, what, fix);
    };
    match aim.get("topic") {
        Some(named) => {
            let topics = context.cluster.topics.iter();
            known(named, topics.map(|it| it.name.as_str()), "topic", problems);
        }
        None => entry.name.clone_into(topic),
    }
    let in_value = matches!(entry.id, IdPlace::Json(_) | IdPlace::Body);
    let no_value = matches!(row.act, Act::Events(Odd::Tombstone));
    let no_json = matches!(row.act, Act::Events(Odd::Poison));
    if in_value && no_value || no_json && matches!(entry.id, IdPlace::Json(_)) {
        let what = format!(
            "ids travel in the value, and {} have none that can be read",
            row.key
        );
        let fix = "let the ids of the entry's records travel in a header";
        problems.at(&aim.place, what, fix);
    }
}
