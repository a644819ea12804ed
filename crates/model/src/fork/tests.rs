use super::*;
use crate::record::ErrorType;
use proptest::prelude::*;

const PARENT: FrameRef = FrameRef { slot: 1000, generation: 1 };

fn branch(n: u32) -> FrameRef {
    FrameRef { slot: n, generation: 1 }
}

fn failed(n: u32) -> Outcome {
    Outcome { status: 500 + n as u16, ..Outcome::lost(ErrorType::Upstream) }
}

fn forked(rule: Join, branches: u32) -> Forks {
    let mut forks = Forks::default();
    forks.fork(PARENT, Key::new(7), rule, (0..branches).map(branch).collect());
    forks
}

#[test]
fn a_fork_that_was_left_ends_silently() {
    let mut forks = forked(Join::All, 2);
    assert_eq!(forks.ended(branch(0), Outcome::OK), Ended::Silently);
    assert_eq!(forks.leave(PARENT), [branch(1)]);
    assert_eq!(forks.span(branch(1)), Key::new(7));
    assert_eq!(forks.ended(branch(1), Outcome::OK), Ended::Silently);
    assert!(forks.is_empty());
}

#[test]
fn a_failure_is_blamed_on_whom_the_branch_blamed() {
    let mut forks = forked(Join::All, 1);
    forks.blame(branch(0), Some(ServiceId(3)));
    let failure = Some((failed(0), Some(ServiceId(3))));
    assert_eq!(forks.ended(branch(0), failed(0)), Ended::Joined { parent: PARENT, failure, left: Vec::new() });
}

proptest! {
    /// Whatever order branches end in, and however: the naive rule is the machine's.
    #[test]
    fn a_fork_joins_when_its_rule_says_so(
        ends in prop::collection::vec(any::<bool>(), 1..9),
        shuffle in prop::collection::vec(any::<u32>(), 9),
        first in any::<bool>(),
    ) {
        let rule = if first { Join::First } else { Join::All };
        let mut forks = forked(rule, ends.len() as u32);
        let mut sequence: Vec<usize> = (0..ends.len()).collect();
        sequence.sort_by_key(|&n| shuffle[n]);
        let winner = sequence.iter().position(|&n| ends[n]);
        let joins_at = if first { winner.unwrap_or(ends.len() - 1) } else { ends.len() - 1 };
        for (at, &n) in sequence.iter().enumerate() {
            let outcome = if ends[n] { Outcome::OK } else { failed(n as u32) };
            let ended = forks.ended(branch(n as u32), outcome);
            if at != joins_at {
                prop_assert_eq!(ended, Ended::Silently);
                continue;
            }
            let failures: Vec<usize> = sequence[..=at].iter().copied().filter(|&n| !ends[n]).collect();
            let blamed = if first { failures.last().filter(|_| winner.is_none()) } else { failures.first() };
            let failure = blamed.map(|&n| (failed(n as u32), None));
            let mut left: Vec<FrameRef> = sequence[at + 1..].iter().map(|&n| branch(n as u32)).collect();
            left.sort();
            prop_assert_eq!(ended, Ended::Joined { parent: PARENT, failure, left });
        }
        prop_assert!(forks.is_empty());
    }
}
