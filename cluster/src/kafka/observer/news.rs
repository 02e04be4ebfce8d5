//! Which answers go into the history: those that differ from the one before of the same question, and one a second.

use history::{Answer, Key, Probe, Quorum, Service, Stand};

/// An answer like the one before is recorded this long after it.
const REPEAT_AFTER_NANOS: u64 = 1_000_000_000;

/// The answer that is in the history.
pub(super) struct Recorded {
    pub(super) incarnation: u32,
    pub(super) time: u64,
    pub(super) answer: Probe,
}

pub(super) fn is_news(recorded: Option<&Recorded>, now: u64, incarnation: u32, answer: &Probe) -> bool {
    recorded.is_none_or(|last| {
        last.incarnation != incarnation
            || now.saturating_sub(last.time) >= REPEAT_AFTER_NANOS
            || !says_the_same(&last.answer, answer)
    })
}

/// Whether two answers say the same: ends of logs always grow, and silence is silence.
fn says_the_same(one: &Probe, other: &Probe) -> bool {
    match (one, other) {
        (Probe::Quorum(one), Probe::Quorum(other)) => {
            let voters = |quorum: &Quorum| quorum.voters.iter().map(|voter| voter.node).collect::<Vec<_>>();
            (one.leader, one.epoch, voters(one)) == (other.leader, other.epoch, voters(other))
        }
        (Probe::Stands(one), Probe::Stands(other)) => {
            one.stands.iter().map(stance).eq(other.stands.iter().map(stance))
        }
        (Probe::Served(one), Probe::Served(other)) => one
            .served
            .iter()
            .map(service)
            .eq(other.served.iter().map(service)),
        (Probe::Silent(_), Probe::Silent(_)) => true,
        (one, other) => one == other,
    }
}

/// A stand without its offsets.
fn stance(stand: &Stand) -> (Key, i32, Option<&str>) {
    (stand.key, stand.epoch, stand.refused.as_deref())
}

/// What was served without the offsets.
fn service(service: &Service) -> (u32, i32, Option<&str>, Option<&str>) {
    (
        service.partition,
        service.epoch,
        refusal(&service.write),
        refusal(&service.read),
    )
}

fn refusal(answer: &Answer) -> Option<&str> {
    match answer {
        Answer::Done(_) => None,
        Answer::Refused(why) => Some(why),
    }
}

#[cfg(test)]
mod tests {
    use history::{Claim, QuorumReplica, Served, Silence, Stands};

    use super::*;

    fn quorum(epoch: i32, end: i64) -> Probe {
        let voters = vec![QuorumReplica { node: 1, end }];
        Probe::Quorum(Quorum {
            leader: 1,
            epoch,
            high_watermark: end,
            voters,
        })
    }

    fn metadata(leader: u32) -> Probe {
        let claim = Claim {
            key: 0,
            leader: Some(leader),
            epoch: 1,
            isr: vec![1, 2],
        };
        Probe::Metadata(history::Metadata { claims: vec![claim] })
    }

    fn silent(reason: &str) -> Probe {
        Probe::Silent(Silence {
            asked_for: "quorum".to_owned(),
            reason: reason.to_owned(),
        })
    }

    fn check(last: Probe, after_ms: u64, incarnation: u32, answer: &Probe, news: bool) {
        let last = Recorded {
            incarnation: 1,
            time: 5_000_000_000,
            answer: last,
        };
        let now = last.time + after_ms * 1_000_000;
        assert_eq!(
            is_news(Some(&last), now, incarnation, answer),
            news,
            "{answer:?} after {after_ms} ms"
        );
    }

    #[test]
    fn what_differs_is_news() {
        assert!(is_news(None, 0, 0, &Probe::NotLeader));
        check(metadata(1), 80, 1, &metadata(2), true);
        check(metadata(1), 80, 1, &metadata(1), false);
        check(quorum(3, 10), 80, 1, &quorum(4, 10), true);
        check(quorum(3, 10), 80, 1, &quorum(3, 99), false);
        check(quorum(3, 10), 80, 1, &Probe::NotLeader, true);
        check(Probe::NotLeader, 80, 1, &silent("connection refused"), true);
        check(
            silent("connection refused"),
            80,
            1,
            &silent("no answer in 500 ms"),
            false,
        );
        check(silent("connection refused"), 80, 1, &metadata(1), true);
    }

    fn stands(epoch: i32, end: i64, refused: Option<&str>) -> Probe {
        let stand = Stand {
            key: 0,
            epoch,
            high_watermark: refused.is_none().then_some(end),
            end: refused.is_none().then_some(end),
            refused: refused.map(str::to_owned),
        };
        Probe::Stands(Stands { stands: vec![stand] })
    }

    fn served(write: Answer, high_watermark: i64) -> Probe {
        let service = Service {
            partition: 0,
            epoch: 2,
            write,
            read: Answer::Done(high_watermark),
        };
        Probe::Served(Served {
            served: vec![service],
        })
    }

    #[test]
    fn ends_that_grow_are_no_news_and_refusals_are() {
        check(stands(1, 7, None), 80, 1, &stands(1, 9, None), false);
        check(stands(1, 7, None), 80, 1, &stands(2, 7, None), true);
        let fenced = stands(1, 7, Some("FENCED_LEADER_EPOCH"));
        check(stands(1, 7, None), 80, 1, &fenced, true);
        let done = |offset| served(Answer::Done(offset), offset);
        check(done(4), 80, 1, &done(5), false);
        let refused = served(Answer::Refused("NOT_LEADER_OR_FOLLOWER".to_owned()), 4);
        check(done(4), 80, 1, &refused, true);
    }

    #[test]
    fn another_process_or_another_second_is_news() {
        check(metadata(1), 80, 2, &metadata(1), true);
        check(metadata(1), 999, 1, &metadata(1), false);
        check(metadata(1), 1000, 1, &metadata(1), true);
        check(silent("a"), 1000, 1, &silent("b"), true);
    }
}
