//! Data files: from the bytes of a file to the text of a table, unpacked where its name ends in .gz or .zst.

use crate::decode::{At, Reader};
use crate::language::{Expect, ReproducesText, ScenarioText};
use crate::load::FileReader;
use crate::origin::{Origins, Span};
use crate::original::Original;
use std::collections::BTreeMap;
use std::io::Read;

/// The most that a table may have, unpacked.
const MAXIMUM_BYTES: u64 = 256 << 20;
/// The most that a data file may have as it lies there.
pub(crate) const MAXIMUM_PACKED_BYTES: u64 = 64 << 20;

/// A table of the scenario. One that could not be read has no origin, and its error is reported.
#[derive(Debug)]
pub(crate) struct DataFile {
    pub(crate) name: String,
    /// Where the scenario names it.
    pub(crate) span: Span,
    pub(crate) origin: Option<u32>,
}

/// Reads the files that a scenario names, in order of name. What was read is kept beside, as it lay there.
pub(crate) fn read(
    text: &ScenarioText,
    origins: &mut Origins,
    reader: &mut Reader,
    files: &FileReader<'_>,
    shown: &dyn Fn(&str) -> String,
) -> (Vec<DataFile>, Vec<(String, Vec<u8>)>) {
    let mut tables = Vec::new();
    let mut kept: Vec<(String, Vec<u8>)> = Vec::new();
    for (name, entry) in text.data.iter() {
        let mut table = DataFile { name: name.clone(), span: entry.name, origin: None };
        if !entry.broken {
            let file = &entry.value;
            match files(file, MAXIMUM_PACKED_BYTES).and_then(|bytes| Ok((unpack(file, &bytes)?, bytes))) {
                Ok((unpacked, bytes)) => {
                    table.origin = Some(origins.add(shown(file), unpacked));
                    if kept.iter().all(|(known, _)| known != file) {
                        kept.push((file.clone(), bytes));
                    }
                }
                Err(message) => {
                    let hint = "the path is relative to the scenario's folder and stays inside it";
                    reader.report(entry.name, format!("the data file {file:?} {message}"), Some(hint.into()));
                }
            }
        }
        tables.push(table);
    }
    (tables, kept)
}

/// Reads the measured sets that expectations name, by file, and keeps them too.
pub(crate) fn originals(
    expectations: &[At<Expect>],
    reader: &mut Reader,
    files: &FileReader<'_>,
    kept: &mut Vec<(String, Vec<u8>)>,
) -> BTreeMap<String, Original> {
    let mut originals = BTreeMap::new();
    for text in expectations {
        let Expect::Reproduces(ReproducesText { file, .. }) = &text.value else { continue };
        if text.broken || file.broken || originals.contains_key(&file.value) {
            continue;
        }
        let read = files(file, MAXIMUM_PACKED_BYTES).and_then(|bytes| Ok((unpack(file, &bytes)?, bytes)));
        let (message, hint) = match read.map(|(text, bytes)| (Original::parse(&text), bytes)) {
            Ok((Ok(original), bytes)) => {
                kept.push((file.value.clone(), bytes));
                originals.insert(file.value.clone(), original);
                continue;
            }
            Ok((Err(message), _)) => (format!("is wrong: {message}"), None),
            Err(message) => {
                (message, Some("the path is relative to the scenario's folder and stays inside it".to_owned()))
            }
        };
        reader.report(file.span, format!("the measured set {:?} {message}", file.value), hint);
    }
    originals
}

/// The text of a file.
fn unpack(file: &str, bytes: &[u8]) -> Result<String, String> {
    let failed = |error: &dyn std::fmt::Display| format!("cannot be unpacked: {error}");
    let unpacked = if file.ends_with(".gz") {
        limited(flate2::read::MultiGzDecoder::new(bytes), &failed)?
    } else if file.ends_with(".zst") {
        let decoder = ruzstd::decoding::StreamingDecoder::new(bytes).map_err(|error| failed(&error))?;
        limited(decoder, &failed)?
    } else {
        bytes.to_vec()
    };
    String::from_utf8(unpacked)
        .map_err(|error| format!("is not UTF-8 text: byte {} is wrong", error.utf8_error().valid_up_to()))
}

fn limited(from: impl Read, failed: &dyn Fn(&dyn std::fmt::Display) -> String) -> Result<Vec<u8>, String> {
    let mut unpacked = Vec::new();
    from.take(MAXIMUM_BYTES + 1).read_to_end(&mut unpacked).map_err(|error| failed(&error))?;
    if unpacked.len() as u64 > MAXIMUM_BYTES {
        return Err(format!("has more than {} MiB unpacked: too much for a table", MAXIMUM_BYTES >> 20));
    }
    Ok(unpacked)
}

#[cfg(test)]
mod tests {
    use super::unpack;
    use std::io::Write as _;

    const TABLE: &str = "arrival_us,class\n1,n\n2,h\n";

    #[test]
    fn a_table_is_the_same_plain_and_packed() {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        packer.write_all(TABLE.as_bytes()).unwrap();
        assert_eq!(unpack("t.csv.gz", &packer.finish().unwrap()).unwrap(), TABLE);
        let level = ruzstd::encoding::CompressionLevel::Fastest;
        let packed = ruzstd::encoding::compress_to_vec(TABLE.as_bytes(), level);
        assert_eq!(unpack("t.csv.zst", &packed).unwrap(), TABLE);
        assert_eq!(unpack("t.csv", TABLE.as_bytes()).unwrap(), TABLE);
    }

    #[test]
    fn what_is_not_packed_is_refused_where_the_name_says_so() {
        for name in ["t.csv.gz", "t.csv.zst"] {
            let message = unpack(name, TABLE.as_bytes()).unwrap_err();
            assert!(message.starts_with("cannot be unpacked"), "{message}");
        }
        assert!(unpack("t.csv", &[b'a', 0xff]).unwrap_err().contains("byte 1"));
    }
}
