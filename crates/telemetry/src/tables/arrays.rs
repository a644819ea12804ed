//! Arrow arrays from rows, one function a [`Kind`](super::Kind). A missing value has zeros beneath it.

use super::Epoch;
use arrow::array::{
    Array, ArrayRef, BooleanArray, DictionaryArray, FixedSizeBinaryArray, Float64Array, Int32Array, Int64Array,
    StringArray, TimestampNanosecondArray, UInt16Array,
};
use arrow::buffer::{BooleanBuffer, NullBuffer, ScalarBuffer};
use arrow::datatypes::Int32Type;
use knockon_kernel::Time;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The strings of a dictionary column, numbered in the order of first use.
#[derive(Debug, Default)]
pub(super) struct Words {
    keys: BTreeMap<String, i32>,
    array: Option<Arc<StringArray>>,
}

impl Words {
    /// Words whose numbers are their places.
    pub(super) fn of<'a>(words: impl IntoIterator<Item = &'a str>) -> Self {
        let mut all = Self::default();
        for word in words {
            all.key(word);
        }
        all
    }

    /// The number of a word.
    pub(super) fn key(&mut self, word: &str) -> i32 {
        if let Some(&key) = self.keys.get(word) {
            return key;
        }
        let key = i32::try_from(self.keys.len()).expect("a dictionary column has fewer than 2^31 words");
        self.keys.insert(word.to_owned(), key);
        self.array = None;
        key
    }

    /// How many words there are.
    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// The number of a word, [`NULL`] for an empty one.
    pub(super) fn key_or_null(&mut self, word: &str) -> i32 {
        if word.is_empty() { NULL } else { self.key(word) }
    }

    fn array(&mut self) -> Arc<StringArray> {
        let keys = &self.keys;
        self.array
            .get_or_insert_with(|| {
                let mut ordered = vec![""; keys.len()];
                for (word, &key) in keys {
                    ordered[key as usize] = word;
                }
                Arc::new(StringArray::from(ordered))
            })
            .clone()
    }

    /// A column of words by their numbers, where [`NULL`] is a missing value.
    pub(super) fn column(&mut self, keys: Vec<i32>) -> ArrayRef {
        let nulls = keys.contains(&NULL).then(|| present(keys.len(), |row| keys[row] != NULL));
        let keys = keys.into_iter().map(|key| key.max(0)).collect::<ScalarBuffer<i32>>();
        let mut values = self.array();
        if values.is_empty() {
            values = Arc::new(StringArray::from(vec![""]));
        }
        Arc::new(DictionaryArray::<Int32Type>::new(Int32Array::new(keys, nulls), values))
    }
}

/// The number of a missing word.
pub(super) const NULL: i32 = -1;

/// Which rows have a value.
pub(super) fn present(rows: usize, has: impl FnMut(usize) -> bool) -> NullBuffer {
    NullBuffer::new(BooleanBuffer::collect_bool(rows, has))
}

/// A column of 16-byte identifiers.
pub(super) fn wide_ids(ids: impl ExactSizeIterator<Item = u128>, nulls: Option<NullBuffer>) -> ArrayRef {
    identifiers(ids.map(u128::to_be_bytes), nulls)
}

/// A column of 8-byte identifiers.
pub(super) fn ids(ids: impl ExactSizeIterator<Item = u64>, nulls: Option<NullBuffer>) -> ArrayRef {
    identifiers(ids.map(u64::to_be_bytes), nulls)
}

fn identifiers<const WIDTH: usize>(
    ids: impl ExactSizeIterator<Item = [u8; WIDTH]>,
    nulls: Option<NullBuffer>,
) -> ArrayRef {
    let mut bytes = vec![0; WIDTH * ids.len()];
    for (place, id) in bytes.chunks_exact_mut(WIDTH).zip(ids) {
        place.copy_from_slice(&id);
    }
    Arc::new(FixedSizeBinaryArray::new(WIDTH as i32, bytes.into(), nulls))
}

/// A column of instants, in nanoseconds since the Unix epoch.
pub(super) fn times(unix_ns: impl Iterator<Item = i64>) -> ArrayRef {
    Arc::new(TimestampNanosecondArray::new(unix_ns.collect(), None).with_timezone("UTC"))
}

/// A column of instants at which records came late; time 0 is that one was not.
pub(super) fn late_times(epoch: Epoch, late: impl Iterator<Item = Time>) -> ArrayRef {
    let times = late.map(|late| (late > Time::ZERO).then(|| epoch.unix_ns(late)));
    Arc::new(times.collect::<TimestampNanosecondArray>().with_timezone("UTC"))
}

/// A column of durations in nanoseconds; beyond 292 years they read as that.
pub(super) fn nanoseconds(ns: impl Iterator<Item = u64>, nulls: Option<NullBuffer>) -> ArrayRef {
    Arc::new(Int64Array::new(ns.map(|ns| i64::try_from(ns).unwrap_or(i64::MAX)).collect(), nulls))
}

/// A column of small numbers in which zero means that there is none.
pub(super) fn small_or_null(numbers: impl Iterator<Item = u16>) -> ArrayRef {
    let numbers: Vec<u16> = numbers.collect();
    let nulls = present(numbers.len(), |row| numbers[row] != 0);
    Arc::new(UInt16Array::new(numbers.into(), Some(nulls)))
}

/// A column of durations or differences of them in nanoseconds, some of which are missing.
pub(super) fn nanoseconds_or_null(ns: impl Iterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(ns.collect::<Int64Array>())
}

/// A column of real numbers in which what is not finite is missing. A negative zero would be another bit pattern of the same number.
pub(super) fn reals_or_null(numbers: impl Iterator<Item = f64>) -> ArrayRef {
    Arc::new(numbers.map(|number| number.is_finite().then_some(number + 0.0)).collect::<Float64Array>())
}

/// A column of answers, yes or no.
pub(super) fn answers(answers: impl Iterator<Item = bool>) -> ArrayRef {
    Arc::new(BooleanArray::new(answers.collect(), None))
}
