//! Who reports: a service and one of its processes.

use super::json::{Attribute, Resource};

/// The resource of a process.
pub(super) fn resource<'a>(service: &'a str, instance: &'a str) -> Resource<'a> {
    Resource {
        attributes: vec![Attribute::text("service.name", service), Attribute::text("service.instance.id", instance)],
    }
}

/// The one in a list that is of a key, which is added at the end where there is none: in the order in which they first come.
pub(super) fn find_or_add<K: PartialEq, T>(list: &mut Vec<(K, T)>, key: K, new: impl FnOnce() -> T) -> &mut T {
    let place = list.iter().position(|(known, _)| *known == key).unwrap_or_else(|| {
        list.push((key, new()));
        list.len() - 1
    });
    &mut list[place].1
}
