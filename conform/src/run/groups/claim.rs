//! Who a request claims to come from.

use crate::run::book::Detail;
use crate::run::{RunError, Runner};
use crate::seen::Seen;
use crate::step::{Claim, Number};

/// A member as a request names it.
pub struct Named {
    pub id: String,
    pub instance: Option<String>,
    pub generation: i32,
}

impl Runner<'_> {
    pub(super) fn named(&self, group: Number, member: Number, claim: Claim) -> Option<Named> {
        let known = self.book.groups.get(&group)?.members.get(&member);
        if claim == Claim::Alone {
            return Some(Named {
                id: String::new(),
                instance: None,
                generation: -1,
            });
        }
        let known = known?;
        let right = Named {
            id: known.id.clone(),
            instance: known.instance.clone(),
            generation: known.generation,
        };
        Some(match claim {
            Claim::Right | Claim::Alone => right,
            Claim::Stale => match &known.old_id {
                Some(old) => Named {
                    id: old.clone(),
                    ..right
                },
                None => Named {
                    generation: right.generation - 1,
                    ..right
                },
            },
            Claim::Future => Named {
                generation: right.generation + 1,
                ..right
            },
            Claim::UnknownMember => Named {
                id: "nobody-77".to_owned(),
                instance: None,
                ..right
            },
        })
    }

    pub(super) fn claimed(
        &mut self,
        group: Number,
        member: Number,
        claim: Claim,
        what: fn(&mut Self, Number, Number, Named) -> Result<Seen, RunError>,
    ) -> Result<(Seen, Detail), RunError> {
        let Some(named) = self.named(group, member, claim) else {
            return Ok((Seen::Skipped, Detail::None));
        };
        let detail = self.detail(group, member, claim);
        Ok((what(self, group, member, named)?, detail))
    }

    pub(super) fn detail(&self, group: Number, member: Number, claim: Claim) -> Detail {
        let members = self.book.groups.get(&group).map(|g| &g.members);
        let is_known = members.is_some_and(|m| m.contains_key(&member));
        let newest = members.and_then(|m| m.values().map(|m| m.generation).max());
        let own = members.and_then(|m| m.get(&member)).map(|m| m.generation);
        Detail::Claimed {
            is_member: is_known && !matches!(claim, Claim::UnknownMember | Claim::Alone),
            is_current: claim == Claim::Right && own == newest,
        }
    }
}
