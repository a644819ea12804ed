//! Numbers with units in texts: "250ms", "512MiB", "0.5 cpu", "10/s", "0.1 %". Read and written; what is written reads back
//! to the same value.

use knockon_kernel::Duration;

/// Units of time in nanoseconds, largest first.
const TIMES: [(&str, f64); 8] =
    [("d", 86_400e9), ("h", 3_600e9), ("min", 60e9), ("s", 1e9), ("ms", 1e6), ("us", 1e3), ("µs", 1e3), ("ns", 1.0)];

/// Units of size in bytes, largest first.
const SIZES: [(&str, f64); 9] = [
    ("TiB", 1_099_511_627_776.0),
    ("GiB", 1_073_741_824.0),
    ("MiB", 1_048_576.0),
    ("KiB", 1_024.0),
    ("TB", 1e12),
    ("GB", 1e9),
    ("MB", 1e6),
    ("KB", 1e3),
    ("B", 1.0),
];

/// Periods of a rate in seconds.
const RATES: [(&str, f64); 4] = [("s", 1.0), ("min", 60.0), ("h", 3_600.0), ("d", 86_400.0)];

/// Why a text is not a quantity.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Refusal {
    /// It does not begin with a plain decimal number.
    NoNumber,
    /// The number stands alone.
    NoUnit,
    /// A unit of another kind, or none at all.
    UnknownUnit(String),
    /// Negative, or beyond what can be expressed.
    OutOfRange,
}

/// Splits "1.5 ms" into 1.5 and "ms". Plain decimals only: no exponents, no names of non-numbers.
fn split(text: &str) -> Result<(f64, &str), Refusal> {
    let text = text.trim();
    let end = text
        .char_indices()
        .find(|&(at, c)| !(c.is_ascii_digit() || c == '.' || c == '_' || (at == 0 && (c == '-' || c == '+'))))
        .map_or(text.len(), |(at, _)| at);
    let digits: String = text[..end].chars().filter(|&c| c != '_').collect();
    let number: f64 = digits.parse().map_err(|_| Refusal::NoNumber)?;
    if !number.is_finite() || number < 0.0 {
        return Err(Refusal::OutOfRange);
    }
    // Negative zero becomes zero.
    Ok((number + 0.0, text[end..].trim()))
}

fn scaled(text: &str, units: &[(&str, f64)]) -> Result<f64, Refusal> {
    let (number, unit) = split(text)?;
    if unit.is_empty() {
        return if number == 0.0 { Ok(0.0) } else { Err(Refusal::NoUnit) };
    }
    let (_, factor) =
        units.iter().find(|(name, _)| *name == unit).ok_or_else(|| Refusal::UnknownUnit(unit.to_owned()))?;
    Ok(number * factor)
}

/// "250ms" and the like. "0" needs no unit. Whole numbers are exact; fractions are rounded once, to whole nanoseconds.
pub(crate) fn duration(text: &str) -> Result<Duration, Refusal> {
    let real = scaled(text, &TIMES)?;
    let whole = |(name, factor): &(&str, f64)| {
        let count: u64 = text.trim().strip_suffix(name)?.trim_end().parse().ok()?;
        count.checked_mul(*factor as u64).map(Duration::from_nanos)
    };
    TIMES.iter().find_map(whole).or_else(|| Duration::from_real_nanos(real)).ok_or(Refusal::OutOfRange)
}

/// "512MiB" and the like, rounded to whole bytes.
pub(crate) fn bytes(text: &str) -> Result<u64, Refusal> {
    let bytes = scaled(text, &SIZES)?.round();
    // An exabyte is more than any process has, and far from the edge of u64.
    if bytes <= 1e18 { Ok(bytes as u64) } else { Err(Refusal::OutOfRange) }
}

/// "10/s" and the like, as a rate a second.
pub(crate) fn rate(text: &str) -> Result<f64, Refusal> {
    let (number, unit) = split(text)?;
    let period = unit.strip_prefix('/').map(str::trim).ok_or(Refusal::NoUnit)?;
    let (_, seconds) =
        RATES.iter().find(|(name, _)| *name == period).ok_or_else(|| Refusal::UnknownUnit(unit.to_owned()))?;
    Ok(number / seconds)
}

/// "0.5 cpu", "500m" and the like, in thousandths of a core.
pub(crate) fn cores(text: &str) -> Result<u32, Refusal> {
    let milli =
        scaled(text, &[("cpu", 1000.0), ("cpus", 1000.0), ("cores", 1000.0), ("core", 1000.0), ("m", 1.0)])?.round();
    if (1.0..=1e9).contains(&milli) { Ok(milli as u32) } else { Err(Refusal::OutOfRange) }
}

/// "5 %" as 0.05.
pub(crate) fn percent(text: &str) -> Result<f64, Refusal> {
    let (number, unit) = split(text)?;
    match unit {
        "%" => Ok(number / 100.0),
        "" => Err(Refusal::NoUnit),
        other => Err(Refusal::UnknownUnit(other.to_owned())),
    }
}

/// The text of a duration: whole, in the largest unit that divides it.
pub(crate) fn print_duration(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    let (name, factor) = TIMES
        .iter()
        .filter(|(name, _)| *name != "µs")
        .find(|(_, factor)| nanos.is_multiple_of(*factor as u64) && nanos > 0)
        .copied()
        .unwrap_or(("s", 1e9));
    format!("{}{name}", nanos / factor as u64)
}

/// The text of a size: whole, in the largest binary unit that divides it.
pub(crate) fn print_bytes(bytes: u64) -> String {
    let (name, factor) = SIZES
        .iter()
        .filter(|(name, _)| name.ends_with("iB") || *name == "B")
        .find(|(_, factor)| bytes.is_multiple_of(*factor as u64) && bytes > 0)
        .copied()
        .unwrap_or(("B", 1.0));
    format!("{}{name}", bytes / factor as u64)
}

#[cfg(test)]
mod tests;
