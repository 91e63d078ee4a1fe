//! Short plots that chance alone would rarely write: each is the way in which a known mistake of replication, deduplication or coordination
//! shows.

use super::{Draft, Kind};
use crate::step::{Act, At, Claim, EpochClaim, Join, Place, Protocol, Role, Sequencing, Step, To};

#[derive(Clone, Copy)]
enum Recipe {
    /// The leader dies right after it acknowledged, and the next one right after its election.
    TwoLeadersInARow,
    /// A reader sees what was appended a moment ago, and the leader dies.
    ReadAndDie,
    /// A retry meets another leader.
    RetryElsewhere,
    /// All replicas lose their power after an acknowledgement.
    PowerEverywhere,
    /// Who fell behind is all that is left.
    BehindAlone,
    /// The coordinator dies after a commit.
    CoordinatorDies,
    /// Followers stop, and the leader dies before the controller has missed them.
    StoppedFollowers,
    /// A follower that fell behind is in sync again, and the leader dies.
    BackInSync,
    /// The next leader lacks what its predecessor has taken and not acknowledged.
    Caught,
}

impl Draft {
    pub(super) fn recipe(&mut self) {
        let place = self.place();
        let rough = self.kind == Kind::Rough;
        let recipe = if rough {
            self.random.weighted(&[
                (3, Recipe::TwoLeadersInARow),
                (2, Recipe::ReadAndDie),
                (1, Recipe::RetryElsewhere),
                (2, Recipe::PowerEverywhere),
                (1, Recipe::BehindAlone),
                (1, Recipe::CoordinatorDies),
                (3, Recipe::StoppedFollowers),
                (4, Recipe::BackInSync),
                (2, Recipe::Caught),
            ])
        } else {
            self.random.weighted(&[
                (2, Recipe::RetryElsewhere),
                (2, Recipe::BehindAlone),
                (2, Recipe::CoordinatorDies),
            ])
        };
        match recipe {
            Recipe::TwoLeadersInARow => self.two_leaders(place),
            Recipe::ReadAndDie => self.read_and_die(place),
            Recipe::RetryElsewhere => self.retry_elsewhere(place),
            Recipe::PowerEverywhere => self.power_everywhere(place),
            Recipe::BehindAlone => self.behind_alone(place),
            Recipe::CoordinatorDies => self.coordinator_dies(place),
            Recipe::StoppedFollowers => self.stopped_followers(place),
            Recipe::BackInSync => self.back_in_sync(place),
            Recipe::Caught => self.caught(place),
        }
    }

    fn disturb(&mut self, broker: Role, act: Act) {
        self.push(Step::Disturb { broker, act });
    }

    fn pass(&mut self, ms: u64) {
        self.push(Step::Pass { ms });
    }

    fn see_all(&mut self, place: Place) {
        self.push(Step::Fetch {
            place,
            at: At::Start,
            to: To::Leader,
            epoch: EpochClaim::None,
        });
    }

    fn two_leaders(&mut self, place: Place) {
        self.write(place, -1);
        self.pass(300);
        self.write(place, -1);
        self.disturb(Role::Leader(place), Act::Kill);
        self.push(Step::UntilLeaderMoves { place });
        self.disturb(Role::Leader(place), Act::Kill);
        self.pass(3_000);
        self.see_all(place);
    }

    fn read_and_die(&mut self, place: Place) {
        self.write(place, 1);
        self.see_all(place);
        self.disturb(Role::Leader(place), Act::Kill);
        self.pass(3_000);
        self.write(place, -1);
    }

    fn retry_elsewhere(&mut self, place: Place) {
        self.push(Step::InitProducer {
            producer: 0,
            bump: false,
        });
        self.write_as(place, 0, Sequencing::Next);
        self.write_as(place, 0, Sequencing::Next);
        self.disturb(Role::Leader(place), Act::Kill);
        if self.kind == Kind::Rough {
            self.pass(3_000);
        }
        self.write_as(place, 0, Sequencing::Again(0));
        self.write_as(place, 0, Sequencing::Again(1));
        self.disturb(Role::Disturbed, Act::Restart);
    }

    fn power_everywhere(&mut self, place: Place) {
        self.write(place, -1);
        self.push(Step::LosePowerEverywhere);
        self.see_all(place);
    }

    fn behind_alone(&mut self, place: Place) {
        self.disturb(Role::Follower(place, 0), Act::Kill);
        self.rest();
        self.disturb(Role::Follower(place, 1), Act::Kill);
        self.rest();
        self.write(place, -1);
        self.write(place, 1);
        // The first that died comes back to a leader that dies.
        self.disturb(Role::Leader(place), Act::Pause);
        self.disturb(Role::Disturbed, Act::Restart);
        self.rest();
        self.push(Step::Metadata { topic: place.topic });
    }

    fn rest(&mut self) {
        if self.kind == Kind::Rough {
            self.pass(2_700);
        }
    }

    fn coordinator_dies(&mut self, place: Place) {
        let (group, member) = (1, 2);
        self.push(Step::Join(Join {
            group,
            member,
            fixed: false,
            forgetful: false,
            protocol: Protocol::Range,
        }));
        self.push(Step::Sync {
            group,
            leader_first: true,
        });
        let offset = i64::try_from(1 + self.random.below(20)).unwrap_or(1);
        self.push(Step::Commit {
            group,
            member,
            claim: Claim::Right,
            place,
            offset,
        });
        self.disturb(Role::Coordinator, Act::Kill);
        self.rest();
        self.push(Step::FetchOffsets { group });
        self.push(Step::Heartbeat {
            group,
            member,
            claim: Claim::Right,
        });
        self.disturb(Role::Disturbed, Act::Restart);
    }

    /// The last in-sync replica loses its power, after the others ended in order.
    pub(super) fn last_one(&mut self) {
        let place = self.place();
        self.write(place, -1);
        self.pass(100);
        self.disturb(Role::Follower(place, 0), Act::ShutDown);
        self.pass(300);
        self.disturb(Role::Follower(place, 1), Act::ShutDown);
        self.pass(300);
        self.push(Step::PowerCycle {
            broker: Role::Leader(place),
        });
        self.pass(4_000);
        self.write(place, 1);
        self.disturb(Role::Disturbed, Act::Restart);
        self.disturb(Role::Disturbed, Act::Restart);
        self.pass(1_000);
        self.operations(1, 4);
    }

    fn stopped_followers(&mut self, place: Place) {
        self.write(place, -1);
        self.disturb(Role::Follower(place, 0), Act::Pause);
        self.disturb(Role::Follower(place, 1), Act::Pause);
        self.pass(1_750);
        self.write(place, -1);
        // One goes on before the leader dies, since one is always awake, and has no time to fetch.
        self.disturb(Role::Disturbed, Act::Resume);
        self.disturb(Role::Leader(place), Act::Kill);
        self.disturb(Role::Disturbed, Act::Resume);
        self.pass(3_000);
    }

    /// Who comes back is the one that is elected.
    fn back_in_sync(&mut self, place: Place) {
        self.disturb(Role::Follower(place, 0), Act::Kill);
        self.rest();
        let producer = 0;
        self.push(Step::InitProducer {
            producer,
            bump: false,
        });
        self.push(Step::Burst {
            place,
            producer,
            batches: 60,
        });
        self.disturb(Role::Disturbed, Act::Restart);
        self.push(Step::UntilInSync { place });
        self.disturb(Role::Leader(place), Act::Kill);
        self.pass(3_000);
        self.see_all(place);
    }

    /// A leader that nobody listens to any more takes a batch, and hears of its successor while that waits.
    fn caught(&mut self, place: Place) {
        self.write(place, -1);
        self.disturb(Role::Leader(place), Act::Isolate);
        self.pass(1_000);
        let rejoin = Step::Disturb {
            broker: Role::Disturbed,
            act: Act::Rejoin,
        };
        let meanwhile = vec![Step::UntilLeaderMoves { place }, rejoin];
        self.push(Step::Caught { place, meanwhile });
        self.pass(3_000);
        self.see_all(place);
    }
}
