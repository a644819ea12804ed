//! A party in one number, which is all that accounts know of it: they compare parties for every event, and tell of few.

use crate::id::{EndpointId, PoolId, ServiceId, SourceId};
use crate::record::{Activity, Party, Who};
use crate::world::Program;
use serde::{Deserialize, Serialize};

/// A party. In the order of [`Party`]: from the top two bits of whether it is for nobody, a program or a source, 28 of its number, six of the
/// activity, and 28 of the number of what that is about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub(crate) struct PartyKey(u64);

/// Bits of a number.
const NUMBER_BITS: u32 = 28;
/// Where the activity begins, and where the number of whom it is for does.
const ACTIVITY: u32 = NUMBER_BITS;
const WHO: u32 = ACTIVITY + 6;
const PROGRAM: u64 = 1 << (WHO + NUMBER_BITS);
const SOURCE: u64 = 2 << (WHO + NUMBER_BITS);

/// How many programs, services and sources a key can number.
pub(crate) const NUMBERED_MAXIMUM: usize = 1 << NUMBER_BITS;

impl PartyKey {
    /// What is done for no request. What calls is always done for one.
    pub(crate) const fn of_nobody(activity: Activity) -> Self {
        Self(doing(activity, 0))
    }

    /// What a request of a program does; `called` is the program that it calls, if it does.
    pub(crate) const fn of_program(program: u32, activity: Activity, called: u32) -> Self {
        Self(PROGRAM | (program as u64) << WHO | doing(activity, called))
    }

    /// The same on the client's side of a source.
    pub(crate) const fn of_source(source: u32, activity: Activity, called: u32) -> Self {
        Self(SOURCE | (source as u64) << WHO | doing(activity, called))
    }

    /// Whether it is one who did not give a connection back.
    pub(crate) const fn is_leaked(self) -> bool {
        (self.0 >> ACTIVITY) & 63 == doing(Activity::Leaked, 0) >> ACTIVITY
    }

    /// The party that it is.
    pub(crate) fn party(self, programs: &[Program]) -> Party {
        let number = |shift: u32| (self.0 >> shift) as u32 & ((1 << NUMBER_BITS) - 1);
        let endpoint = |program: u32| {
            let Program { service, endpoint, .. } = programs[program as usize];
            (ServiceId(service), EndpointId(endpoint))
        };
        let who = match self.0 & (PROGRAM | SOURCE) {
            0 => Who::Nobody,
            PROGRAM => {
                let (service, endpoint) = endpoint(number(WHO));
                Who::Endpoint(service, endpoint)
            }
            _ => Who::Source(SourceId(number(WHO))),
        };
        let about = number(0);
        let activity = match (self.0 >> ACTIVITY) & 63 {
            0 => Activity::Queued,
            1 => Activity::Pool(PoolId(about)),
            2 => Activity::Permit(ServiceId(about)),
            3 => Activity::Computing,
            4 => Activity::Throttled,
            5 => Activity::Paused,
            6 => Activity::BackingOff,
            7 => Activity::Sleeping,
            8 => Activity::Lock,
            9 => {
                let (service, endpoint) = endpoint(about);
                Activity::Calling(service, endpoint)
            }
            10 => Activity::Loading,
            11 => Activity::Joining,
            12 => Activity::Allocated,
            13 => Activity::InFlight,
            14 => Activity::Retained,
            15 => Activity::Leaked,
            16 => Activity::Admitted,
            17 => Activity::Opening,
            18 => Activity::Session,
            19 => Activity::Base,
            20 => Activity::Cached,
            21 => Activity::Vacation,
            22 => Activity::Outside,
            23 => Activity::Collector,
            24 => Activity::Quota,
            26 => Activity::Published,
            27 => Activity::Disk,
            29 => Activity::Expiry,
            28 => Activity::Blocking,
            _ => Activity::Nothing,
        };
        Party { who, activity }
    }
}

/// The bits of an activity and of what it is about.
const fn doing(activity: Activity, called: u32) -> u64 {
    let (kind, about) = match activity {
        Activity::Queued => (0, 0),
        Activity::Pool(PoolId(pool)) => (1, pool),
        Activity::Permit(ServiceId(service)) => (2, service),
        Activity::Computing => (3, 0),
        Activity::Throttled => (4, 0),
        Activity::Paused => (5, 0),
        Activity::BackingOff => (6, 0),
        Activity::Sleeping => (7, 0),
        Activity::Lock => (8, 0),
        Activity::Calling(..) => (9, called),
        Activity::Loading => (10, 0),
        Activity::Joining => (11, 0),
        Activity::Allocated => (12, 0),
        Activity::InFlight => (13, 0),
        Activity::Retained => (14, 0),
        Activity::Leaked => (15, 0),
        Activity::Admitted => (16, 0),
        Activity::Opening => (17, 0),
        Activity::Session => (18, 0),
        Activity::Base => (19, 0),
        Activity::Cached => (20, 0),
        Activity::Vacation => (21, 0),
        Activity::Outside => (22, 0),
        Activity::Collector => (23, 0),
        Activity::Quota => (24, 0),
        Activity::Nothing => (25, 0),
        Activity::Published => (26, 0),
        Activity::Disk => (27, 0),
        Activity::Expiry => (29, 0),
        Activity::Blocking => (28, 0),
    };
    (kind as u64) << ACTIVITY | about as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::OperationId;

    #[test]
    fn a_key_is_its_party_and_stands_where_that_does() {
        let service = |service, endpoints: u32| {
            (0..endpoints).map(move |endpoint| Program { service, endpoint, first: 0, operation: OperationId(0) })
        };
        let programs: Vec<Program> = service(0, 2).chain(service(1, 3)).chain(service(2, 1)).collect();
        let mut activities = vec![
            Activity::Queued,
            Activity::Computing,
            Activity::Throttled,
            Activity::Paused,
            Activity::BackingOff,
            Activity::Sleeping,
            Activity::Lock,
            Activity::Loading,
            Activity::Joining,
            Activity::Allocated,
            Activity::InFlight,
            Activity::Retained,
            Activity::Leaked,
            Activity::Admitted,
            Activity::Opening,
            Activity::Session,
            Activity::Base,
            Activity::Cached,
            Activity::Vacation,
            Activity::Outside,
            Activity::Collector,
            Activity::Quota,
            Activity::Nothing,
            Activity::Published,
            Activity::Disk,
            Activity::Expiry,
            Activity::Blocking,
        ];
        activities.extend((0..3).flat_map(|n| [Activity::Pool(PoolId(n)), Activity::Permit(ServiceId(n))]));
        let calls = (0u32..).zip(&programs).map(|(called, program)| {
            (Activity::Calling(ServiceId(program.service), EndpointId(program.endpoint)), called)
        });
        let mut all = Vec::new();
        for (activity, called) in activities.into_iter().map(|activity| (activity, 0)).chain(calls) {
            for (number, program) in (0u32..).zip(&programs) {
                let who = Who::Endpoint(ServiceId(program.service), EndpointId(program.endpoint));
                all.push((PartyKey::of_program(number, activity, called), Party { who, activity }));
            }
            for source in 0..2 {
                let who = Who::Source(SourceId(source));
                all.push((PartyKey::of_source(source, activity, called), Party { who, activity }));
            }
            if !matches!(activity, Activity::Calling(..)) {
                all.push((PartyKey::of_nobody(activity), Party::of_nobody(activity)));
            }
        }
        for &(key, party) in &all {
            assert_eq!(key.party(&programs), party);
            assert_eq!(key.is_leaked(), party.activity == Activity::Leaked);
        }
        let in_order_of = |mut list: Vec<(PartyKey, Party)>, by_key: bool| {
            list.sort_by(|a, b| if by_key { a.0.cmp(&b.0) } else { a.1.cmp(&b.1) });
            list
        };
        assert_eq!(in_order_of(all.clone(), true), in_order_of(all, false));
    }
}
