use super::*;

#[test]
fn durations_read_as_nanoseconds() {
    for (text, nanos) in [
        ("250ms", 250_000_000),
        ("0.3ms", 300_000),
        ("2.5 s", 2_500_000_000),
        ("1us", 1_000),
        ("1µs", 1_000),
        ("7ns", 7),
        ("90min", 5_400_000_000_000),
        ("3h", 10_800_000_000_000),
        ("1.5d", 129_600_000_000_000),
        ("1_000ms", 1_000_000_000),
        ("0", 0),
        ("0s", 0),
        ("0.4ns", 0),
        ("  5  min ", 300_000_000_000),
    ] {
        assert_eq!(duration(text), Ok(Duration::from_nanos(nanos)), "{text}");
    }
}

#[test]
fn what_is_no_duration_says_why() {
    for (text, refusal) in [
        ("", Refusal::NoNumber),
        ("ms", Refusal::NoNumber),
        ("NaN s", Refusal::NoNumber),
        ("infs", Refusal::NoNumber),
        ("1.2.3s", Refusal::NoNumber),
        ("5", Refusal::NoUnit),
        ("5 sec", Refusal::UnknownUnit("sec".into())),
        ("1e3s", Refusal::UnknownUnit("e3s".into())),
        ("5MiB", Refusal::UnknownUnit("MiB".into())),
        ("-5s", Refusal::OutOfRange),
        ("300000d", Refusal::OutOfRange),
    ] {
        assert_eq!(duration(text), Err(refusal), "{text}");
    }
}

#[test]
fn sizes_read_as_bytes() {
    for (text, expected) in [
        ("512MiB", 536_870_912),
        ("1.5KiB", 1536),
        ("600KiB", 614_400),
        ("2GB", 2_000_000_000),
        ("0B", 0),
        ("0", 0),
        ("1 GiB", 1 << 30),
    ] {
        assert_eq!(bytes(text), Ok(expected), "{text}");
    }
    assert_eq!(bytes("10"), Err(Refusal::NoUnit));
    assert_eq!(bytes("10mb"), Err(Refusal::UnknownUnit("mb".into())));
    assert_eq!(bytes("-1B"), Err(Refusal::OutOfRange));
    assert_eq!(bytes("99999999TiB"), Err(Refusal::OutOfRange));
}

#[test]
fn rates_cores_and_shares_read() {
    assert_eq!(rate("10/s"), Ok(10.0));
    assert_eq!(rate("600 / min"), Ok(10.0));
    assert_eq!(rate("36/h"), Ok(0.01));
    assert_eq!(rate("10"), Err(Refusal::NoUnit));
    assert_eq!(rate("10/fortnight"), Err(Refusal::UnknownUnit("/fortnight".into())));
    assert_eq!(cores("0.5 cpu"), Ok(500));
    assert_eq!(cores("250m"), Ok(250));
    assert_eq!(cores("0 cpu"), Err(Refusal::OutOfRange));
    assert_eq!(percent("5 %"), Ok(0.05));
    assert_eq!(percent("0.1%"), Ok(0.001));
}

#[test]
fn what_is_written_reads_back() {
    for nanos in [
        0,
        1,
        999,
        1_000,
        1_500_000,
        300_000,
        2_500_000_000,
        60_000_000_000,
        86_400_000_000_000,
        9_007_199_254_740_993,
        3_155_760_000_000_000_001,
    ] {
        let length = Duration::from_nanos(nanos);
        assert_eq!(duration(&print_duration(length)), Ok(length), "{}", print_duration(length));
    }
    for size in [0, 1, 1023, 1024, 614_400, 536_870_912, 2_000_000_000] {
        assert_eq!(bytes(&print_bytes(size)), Ok(size), "{}", print_bytes(size));
    }
}
