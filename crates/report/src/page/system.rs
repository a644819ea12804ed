//! Who calls whom, laid out in columns: callers on the left of those they call.

use knockon_model::Topology;
use knockon_model::blueprint::{Blueprint, Runtime};
use serde::Serialize;

/// The components and their calls.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct System {
    components: Vec<Component>,
    /// Caller and callee, by position.
    calls: Vec<(usize, usize)>,
}

/// A component in its place.
#[derive(Clone, Debug, Serialize)]
struct Component {
    name: String,
    kind: &'static str,
    /// Column, from the left; row in it, from the top.
    column: usize,
    row: usize,
}

/// Rounds in which columns are put in order.
const ROUNDS: usize = 8;

impl System {
    pub(crate) fn of(blueprint: &Blueprint) -> Self {
        let topology = Topology::of(blueprint);
        let names = topology.names();
        let calls: Vec<(usize, usize)> = (0..names.len())
            .flat_map(|caller| topology.callees(caller).iter().map(move |&callee| (caller, callee)))
            .collect();
        let columns = columns(names.len(), &calls);
        let rows = rows(&columns, &calls);
        let component = |(n, name): (usize, &String)| Component {
            name: name.clone(),
            kind: n.checked_sub(topology.sources()).map_or("source", |n| kind(&blueprint.services[n].runtime)),
            column: columns[n],
            row: rows[n],
        };
        Self { components: names.iter().enumerate().map(component).collect(), calls }
    }
}

const fn kind(runtime: &Runtime) -> &'static str {
    match runtime {
        Runtime::Postgres(_) => "database",
        Runtime::Redis(_) => "cache",
        Runtime::Broker(_) => "broker",
        _ => "service",
    }
}

/// The longest way of calls that leads to each. Circles, which messages can make, are left after as many rounds as there are components.
fn columns(components: usize, calls: &[(usize, usize)]) -> Vec<usize> {
    let mut columns = vec![0; components];
    for _ in 0..components {
        let mut changed = false;
        for &(caller, callee) in calls {
            if columns[callee] < columns[caller] + 1 && columns[caller] + 1 < components {
                columns[callee] = columns[caller] + 1;
                changed = true;
            }
        }
        if !changed {
            break;
        }
    }
    columns
}

/// Rows within the columns: each component is near the middle of those that it calls or is called by (the barycentre heuristic; Sugiyama, Tagawa and
/// Toda, "Methods for Visual Understanding of Hierarchical System Structures", 1981).
fn rows(columns: &[usize], calls: &[(usize, usize)]) -> Vec<usize> {
    let mut rows = vec![0; columns.len()];
    let mut order: Vec<Vec<usize>> = vec![Vec::new(); columns.iter().max().map_or(0, |last| last + 1)];
    for (n, &column) in columns.iter().enumerate() {
        rows[n] = order[column].len();
        order[column].push(n);
    }
    for round in 0..ROUNDS {
        for column in &mut order {
            let of = |n: usize| {
                let near = calls.iter().filter_map(|&(caller, callee)| match round % 2 == 0 {
                    true => (callee == n).then_some(rows[caller]),
                    false => (caller == n).then_some(rows[callee]),
                });
                let near: Vec<usize> = near.collect();
                // In thousandths, so that the order is one of whole numbers.
                if near.is_empty() { rows[n] * 1_000 } else { near.iter().sum::<usize>() * 1_000 / near.len() }
            };
            column.sort_by_cached_key(|&n| (of(n), n));
            column.iter().enumerate().for_each(|(row, &n)| rows[n] = row);
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_stand_left_of_those_they_call_and_circles_end() {
        assert_eq!(columns(4, &[(0, 1), (1, 2), (0, 2), (2, 3)]), [0, 1, 2, 3]);
        let circle = columns(3, &[(0, 1), (1, 2), (2, 1)]);
        assert!(circle.iter().all(|&column| column < 3), "{circle:?}");
        let rows = rows(&[0, 1, 1, 2, 2], &[(0, 1), (0, 2), (1, 4), (2, 3)]);
        assert_eq!(rows[1] < rows[2], rows[4] < rows[3], "calls do not cross where they need not: {rows:?}");
    }
}
