//! Amounts by who waited and who held: what has accrued so far, and how it is told in whole numbers.
//!
//! An amount of a waiting party is shared out over the holders of that moment by weight. It is counted in small units (2⁻¹⁰ ns, 2⁻³² of a
//! refusal), shares are rounded down and what is left over goes to the first of the heaviest holders: a row sums to its amounts exactly, and
//! each amount misplaces less than as many units as there are holding parties.

use super::party_key::PartyKey;
use serde::{Deserialize, Serialize};

/// A sum of units, as two numbers where it is written down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Units(#[serde(with = "crate::statistics::wide")] pub(crate) u128);

/// Amounts by waiting and holding party.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Matrix {
    parties: Vec<PartyKey>,
    /// By number of the waiting and of the holding party; as long as there was need.
    rows: Vec<Vec<Units>>,
}

/// One amount of a matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) waiting: PartyKey,
    pub(crate) holding: PartyKey,
    pub(crate) units: u128,
}

impl Matrix {
    /// Shares an amount of a waiting party out over holders with weights; all of it goes to `nobody` where none has any.
    pub(crate) fn share(
        &mut self,
        waiting: PartyKey,
        amount: u128,
        holders: impl Iterator<Item = (PartyKey, u64)> + Clone,
        nobody: PartyKey,
    ) {
        if amount == 0 {
            return;
        }
        let total: u128 = holders.clone().map(|(_, weight)| u128::from(weight)).sum();
        let row = self.number(waiting);
        let (mut left, mut heaviest) = (amount, (nobody, 0));
        for (party, weight) in holders.filter(|&(_, weight)| weight > 0) {
            let share = proportion(amount, weight, total);
            left -= share;
            self.add(row, party, share);
            if weight > heaviest.1 {
                heaviest = (party, weight);
            }
        }
        if left > 0 {
            self.add(row, heaviest.0, left);
        }
    }

    fn add(&mut self, row: usize, holding: PartyKey, units: u128) {
        let column = self.number(holding);
        let row = &mut self.rows[row];
        if row.len() <= column {
            row.resize(column + 1, Units::default());
        }
        row[column].0 += units;
    }

    fn number(&mut self, party: PartyKey) -> usize {
        if let Some(number) = self.parties.iter().position(|&known| known == party) {
            return number;
        }
        self.parties.push(party);
        self.rows.push(Vec::new());
        self.parties.len() - 1
    }

    /// What has accrued; nothing has afterwards.
    pub(crate) fn take(&mut self) -> Vec<Cell> {
        let Self { parties, rows } = std::mem::take(self);
        let mut cells = Vec::new();
        for (waiting, row) in parties.iter().zip(rows) {
            let filled = row.into_iter().zip(&parties).filter(|(units, _)| units.0 > 0);
            cells.extend(filled.map(|(units, &holding)| Cell { waiting: *waiting, holding, units: units.0 }));
        }
        cells
    }
}

/// ⌊amount · weight / total⌋.
fn proportion(amount: u128, weight: u64, total: u128) -> u128 {
    match (u64::try_from(amount), u64::try_from(total)) {
        (Ok(amount), Ok(total)) => match amount.checked_mul(weight) {
            Some(product) => u128::from(product / total),
            None => u128::from(amount) * u128::from(weight) / u128::from(total),
        },
        _ => amount * u128::from(weight) / total,
    }
}

/// Rounds amounts to whole numbers of so many units, of which they sum to the whole number of all of them: the largest remainders
/// are rounded up, of equal ones the first.
pub(crate) fn apportion(amounts: &[u128], unit: u128) -> Vec<u64> {
    let whole = amounts.iter().sum::<u128>() / unit;
    let mut parts: Vec<u128> = amounts.iter().map(|amount| amount / unit).collect();
    let missing = (whole - parts.iter().sum::<u128>()) as usize;
    let mut order: Vec<usize> = (0..amounts.len()).collect();
    order.sort_by_key(|&at| std::cmp::Reverse(amounts[at] % unit));
    order.into_iter().take(missing).for_each(|at| parts[at] += 1);
    parts.into_iter().map(|part| u64::try_from(part).unwrap_or(u64::MAX)).collect()
}
