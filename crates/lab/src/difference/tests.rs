use super::*;
use knockon_model::record::Part;

fn ended(sent: i64, parts: [(Part, i64); 2], status: u16) -> Request {
    let mut all = [0; Part::COUNT];
    parts.into_iter().for_each(|(part, ns)| all[part as usize] += ns);
    let latency_ns = all.iter().sum();
    Request { sent_unix_ns: sent, latency_ns, failed: status >= 500, status, error: None, parts: all }
}

fn quick(sent: i64) -> Request {
    ended(sent, [(Part::Queued, 10), (Part::Computing, 5)], 200)
}

/// Request by number: of endpoint, sent, and how it ended.
type Row = (u64, &'static str, Request);

fn join(first: &[Row], second: &[Row], list: usize, waiting: u64) -> Requests {
    let mut requests = Requests::new(list, [4_000]);
    for share in Share::all(first.len() as u64, waiting) {
        let trace = |number: u64| u128::from(number) * 1_000;
        for &(number, name, end) in first.iter().filter(|(number, ..)| share.has(trace(*number))) {
            requests.first(trace(number), ("clients", number, name), end);
        }
        for &(number, name, end) in second.iter().filter(|(number, ..)| share.has(trace(*number))) {
            requests.second(trace(number), ("clients", number, name), end);
        }
        requests.end_of(share);
    }
    requests
}

fn two_runs() -> (Vec<Row>, Vec<Row>) {
    let failed = ended(6, [(Part::Queued, 10), (Part::Computing, 5)], 503);
    let elsewhere = ended(3, [(Part::Pool, 10), (Part::Computing, 5)], 200);
    let slower = ended(2, [(Part::Queued, 40), (Part::Computing, 5)], 200);
    (
        vec![
            (1, "a", quick(1)),
            (2, "a", quick(2)),
            (3, "a", quick(3)),
            (4, "b", quick(4)),
            (6, "b", quick(6)),
            (7, "a", quick(7)),
        ],
        vec![
            (1, "a", quick(1)),
            (2, "a", slower),
            (3, "a", elsewhere),
            (5, "b", quick(5)),
            (6, "b", failed),
            (7, "b", quick(7)),
        ],
    )
}

#[test]
fn requests_are_joined_by_their_traces_and_counted_by_endpoint() {
    let (first, second) = two_runs();
    let requests = join(&first, &second, 10, 100);
    let endpoints = requests.endpoints();
    let [(source, "b", b), ("clients", "a", a)] = endpoints[..] else { panic!("{endpoints:?}") };
    assert_eq!(source, "clients");
    // One was asked for something else: not the same request.
    assert_eq!((a.in_both, a.only, a.changed, a.outcome, a.slower, a.faster), (3, [1, 0], 2, 0, 1, 0));
    assert_eq!((b.in_both, b.only, b.changed, b.outcome, b.slower, b.faster), (1, [1, 2], 1, 1, 0, 0));
    assert_eq!((a.difference_ns, a.mean_ns(), b.mean_ns()), (30, Some(30), None));
    assert_eq!((a.parts_ns[Part::Queued as usize], a.parts_ns[Part::Pool as usize]), (20, 10));
    assert_eq!(requests.total().differing(), 7);
    let numbers: Vec<_> = requests.listed().iter().map(|(asked, _)| asked.number).collect();
    assert_eq!(numbers, [2, 3, 4, 5, 6, 7, 7]);
    assert_eq!(requests.listed()[0].1.difference_ns(), Some(30));
    assert_eq!(requests.which(4_000).map(|asked| (asked.number, asked.name)), Some((4, "b".to_owned())));
}

#[test]
fn how_much_waits_in_memory_changes_nothing() {
    let (first, second) = two_runs();
    let whole = join(&first, &second, 4, 100);
    for waiting in [1, 2, 3] {
        let parted = join(&first, &second, 4, waiting);
        assert_eq!(parted.endpoints(), whole.endpoints());
        assert_eq!(parted.listed(), whole.listed());
    }
}

#[test]
fn the_first_few_in_the_order_of_their_sending_are_listed() {
    let (first, second) = two_runs();
    let requests = join(&first, &second, 2, 1);
    assert_eq!(requests.listed().iter().map(|(asked, _)| asked.number).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(join(&first, &second, 0, 1).listed(), []);
}

#[test]
fn every_trace_is_in_one_share() {
    for rows in [0, 1, 7, 1_000] {
        let shares: Vec<_> = Share::all(rows, 64).collect();
        assert_eq!(shares.len() as u64, rows.div_ceil(64).max(1));
        for trace in [0, 1, 63, 64, u128::MAX, 1 << 100] {
            assert_eq!(shares.iter().filter(|share| share.has(trace)).count(), 1);
        }
    }
}

#[test]
fn spans_are_joined_by_their_ids() {
    let mut spans = Spans::default();
    let span = |trace, span, duration_ns| Span { trace, span, duration_ns };
    let [all] = Share::all(3, 10).collect::<Vec<_>>()[..] else { panic!("three rows are one share") };
    spans.first(span(1, 1, 10), "api", "OK", None);
    spans.first(span(1, 2, 10), "db", "UNSET", None);
    spans.first(span(2, 1, 10), "api", "ERROR", Some("500"));
    spans.second(span(1, 1, 30), "api", "OK", None);
    spans.second(span(2, 1, 10), "api", "ERROR", Some("503"));
    spans.second(span(2, 2, 10), "api", "OK", None);
    spans.end_of(all);
    let components = spans.components();
    let [("api", api), ("db", db)] = components[..] else { panic!("{components:?}") };
    assert_eq!((api.in_both, api.only, api.changed, api.status, api.longer), (2, [0, 1], 2, 1, 1));
    assert_eq!((api.mean_ns(), db.only, db.in_both), (Some(20), [1, 0], 0));
}

#[test]
fn of_two_texts_what_is_not_common_at_both_ends_is_changed() {
    for (first, second, a, b) in [
        ("x\ny\nz", "x\ny\nz", vec![], vec![]),
        ("x\ny\nz", "x\nq\nr\nz", vec!["y"], vec!["q", "r"]),
        ("x\nx", "x\nx\nx", vec![], vec!["x"]),
        ("", "x", vec![], vec!["x"]),
    ] {
        assert_eq!(
            changed_lines(first, second),
            [a, b].map(|lines| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>())
        );
    }
}

fn run(folder: &str, digest: &str) -> Run {
    Run {
        folder: folder.into(),
        written_by: "0.1.0".into(),
        seed: 1,
        simulated_ns: 60_000_000_000,
        start_unix_ns: 0,
        digest: digest.into(),
    }
}

#[test]
fn the_same_is_one_line_and_a_difference_a_page() {
    let (first, second) = two_runs();
    let summary = |rows, digest: &str| ("observed/spans".to_owned(), (rows, digest.to_owned()));
    let mut difference = Difference {
        runs: [run("a", "00"), run("b", "00")],
        notes: Vec::new(),
        scenario: [Vec::new(), Vec::new()],
        events: Events::Same,
        tables: tables([vec![summary(3, "11")], vec![summary(3, "11")]]),
        requests: None,
        spans: None,
    };
    assert!(difference.is_none());
    assert_eq!(difference.to_text(), "same: digest 00, 1 tables\n");
    difference.runs[1].digest = "01".into();
    difference.tables =
        tables([vec![summary(3, "11"), ("truth/effects".into(), (9, "2".into()))], vec![summary(4, "12")]]);
    difference.events = Events::Parted(Box::new(Parted {
        only: [vec![], vec!["aside-0".into()]],
        held_ns: Some([1_000, 2_000]),
        equal: None,
        differing: [
            Some(Event {
                number: 12_000,
                time_ns: 1_500_000,
                component: Some("api-0".into()),
                trace: Some(7),
                request: Some(Asked { source: "clients".into(), number: 3, name: "a".into() }),
                text: "delivery of a".into(),
            }),
            None,
        ],
    }));
    difference.requests = Some(join(&first, &second, 2, 100));
    difference.spans = Some(Spans::default());
    assert!(!difference.is_none());
    let text = difference.to_text();
    for told in [
        "A is a, B is b",
        "A then event 12 000 at 1.5 ms, api-0: delivery of a, request 3 of clients\n",
        "B has no more events\n",
        "not compared, for only B has it: aside-0\n",
        "before that, what they hold (such as memory) differs from some time between 1 µs and 2 µs on\n",
        "observed/spans         3 → 4 rows\n",
        "only in A: truth/effects (9 rows)\n",
        "requests     7 of 8 differ: 2 only in A, 2 only in B, 1 with another outcome, 1 slower in B, 1 with their time spent elsewhere; on average +30 ns (queued +20 ns, pool +10 ns)\n",
        "request 2 of clients (a) at 2 ns: answered 200 after 15 ns → answered 200 after 45 ns\n",
        "… and 5 more requests: --requests N lists them\n",
    ] {
        assert!(text.contains(told), "{told:?} is missing in\n{text}");
    }
    let json = difference.to_json();
    assert_eq!(json["same"], false);
    assert_eq!(json["requests"]["listed"][0]["parts_difference"]["queued_ns"], 30);
    assert_eq!(json["events"]["a"]["trace_id"], format!("{:032x}", 7));
    assert_eq!(json["tables"][1]["b"], serde_json::Value::Null);
}
