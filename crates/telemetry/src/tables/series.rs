//! `observed/series`: what the numbers in `observed/metrics` are samples of. Known when a run begins.

use super::arrays::Words;
use super::declaration::required;
use super::{Kind, Table};
use arrow::array::{ArrayRef, MapBuilder, MapFieldNames, StringBuilder, UInt32Array};
use knockon_model::record::SeriesInfo;
use std::sync::Arc;

/// The table.
pub(crate) static SERIES: Table = Table {
    path: "observed/series",
    meaning: "One row for each metric series: what the samples in observed/metrics are samples of.",
    columns: &[
        required("series_id", Kind::U32, "", "Series, described in observed/series."),
        required("name", Kind::Word, "", "Metric name, as the exporter of the emitting runtime has it."),
        required("unit", Kind::Word, "", "Unit of the values, by UCUM."),
        required("kind", Kind::Word, "", "gauge, counter, histogram_bucket, histogram_count or histogram_sum."),
        required("service", Kind::Word, "", "Service that the series describes."),
        required("instance", Kind::Word, "", "Process that the series describes."),
        required("attributes", Kind::WordMap, "", "Labels beside service and instance."),
    ],
};

/// All rows of the table.
pub(crate) fn series(all: &[SeriesInfo]) -> Vec<ArrayRef> {
    let words = |word: &dyn Fn(&SeriesInfo) -> &str| {
        let mut words = Words::default();
        let keys = all.iter().map(|info| words.key(word(info))).collect();
        words.column(keys)
    };
    let names = MapFieldNames { entry: "key_value".into(), key: "key".into(), value: "value".into() };
    let required = |name: &str| Arc::new(arrow::datatypes::Field::new(name, arrow::datatypes::DataType::Utf8, false));
    let mut attributes = MapBuilder::new(Some(names), StringBuilder::new(), StringBuilder::new())
        .with_keys_field(required("key"))
        .with_values_field(required("value"));
    for info in all {
        for (key, value) in &info.attributes {
            attributes.keys().append_value(key);
            attributes.values().append_value(value);
        }
        attributes.append(true).expect("as many keys as values were appended");
    }
    vec![
        Arc::new(UInt32Array::from_iter_values((0..).take(all.len()))),
        words(&|info| &info.name),
        words(&|info| &info.unit),
        words(&|info| info.kind.word()),
        words(&|info| &info.service),
        words(&|info| &info.instance),
        Arc::new(sorted(attributes.finish())),
    ]
}

/// The builder cannot say that keys ascend; the declaration does.
fn sorted(map: arrow::array::MapArray) -> arrow::array::MapArray {
    let (field, offsets, entries, nulls, _) = map.into_parts();
    arrow::array::MapArray::new(field, offsets, entries, nulls, true)
}
