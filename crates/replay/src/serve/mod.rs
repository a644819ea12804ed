//! A scrape target: every GET of `/metrics` is answered with what the run's series were at the simulated instant that it is by then.
//!
//! A real system has a target a process, and something that lists them. So has this one: `/sd` lists the processes for Prometheus' `http_sd_configs`,
//! `/metrics?instance=NAME` is what the exporter of one process has, without `job`, `instance` and `up`, which a Prometheus adds, and fails with 503
//! while that process answers no scrape; `/metrics?exporter=platform` is what cAdvisor and kube-state-metrics know of all of them, which stays when
//! a process is gone. `/metrics` alone has everything, labels of the targets and `up` included.

mod accept;
mod listener;
mod page;

use crate::clock::{Clock, Speed};
use crate::error::{Error, Result};
use crate::scrapes::Scrapes;
use knockon_export::prometheus::{Families, Labels, Metric, Text, families, put_time, put_value};
use knockon_telemetry::RunReader;
use listener::{Answer, Listener, Request};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

/// How a run is served.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Serving {
    /// How fast simulated time goes. With [`Speed::Max`] it is one scrape of the run further whenever a target is asked again.
    pub speed: Speed,
    /// Whether the run begins anew when it is over; else its last scrape is served on.
    pub looped: bool,
    /// Whether samples carry their simulated instant.
    pub timestamps: bool,
}

/// A run that is served.
pub struct Server {
    listener: Listener,
    site: Rc<RefCell<Site>>,
}

/// What there is to be asked for.
struct Site {
    address: SocketAddr,
    run: RunReader,
    serving: Serving,
    clock: Clock,
    begun: u64,
    scrapes: Scrapes,
    scraped: Families,
    own: Families,
    series: usize,
    /// By process: its service, and the series that says whether it answers.
    processes: BTreeMap<String, (String, Option<usize>)>,
    answered: u64,
    /// Targets that were asked at the scrape that it is, where whoever asks sets the pace.
    asked: BTreeSet<String>,
    /// Why the run can no more be read.
    failed: Option<Error>,
}

const PLAIN: &str = "text/plain; charset=utf-8";

impl Server {
    /// Listens at an address. Simulated time begins to go.
    ///
    /// # Errors
    /// If the address is taken, or the run cannot be read or has no samples.
    pub fn start(run: RunReader, address: SocketAddr, serving: Serving) -> Result<Self> {
        let (scraped, own) = (families(&run, Labels::Scraped)?, families(&run, Labels::Own)?);
        let lines = scraped.all.iter().flat_map(|family| &family.metrics).flat_map(|metric| &metric.lines);
        let series = lines.map(|line| line.series + 1).max().unwrap_or(0);
        let mut processes = BTreeMap::new();
        for family in &scraped.all {
            for metric in &family.metrics {
                let (_, up) =
                    processes.entry(metric.instance.clone()).or_insert_with(|| (metric.service.clone(), None));
                if family.name() == "up" {
                    *up = metric.lines.first().map(|line| line.series);
                }
            }
        }
        let scrapes = Scrapes::open(&run, series)?;
        let listener = Listener::open(address)?;
        let address = listener.address();
        let manifest = run.manifest();
        let start = manifest.start_unix_ns;
        let clock = Clock::begin(start, start.saturating_add_unsigned(manifest.simulated_ns), serving.looped);
        let site = Site {
            address,
            run,
            serving,
            clock,
            begun: 0,
            scrapes,
            scraped,
            own,
            series,
            processes,
            answered: 0,
            asked: BTreeSet::new(),
            failed: None,
        };
        Ok(Self { listener, site: Rc::new(RefCell::new(site)) })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.site.borrow().address
    }

    /// How many requests for metrics it has answered.
    #[must_use]
    pub fn answered(&self) -> u64 {
        self.site.borrow().answered
    }

    /// How far into the run it is, in nanoseconds.
    #[must_use]
    pub fn simulated_ns(&self) -> u64 {
        self.site.borrow().simulated_ns()
    }

    /// Answers requests for so long. A client that is gone before it has its answer is no failure.
    ///
    /// # Errors
    /// If the network fails, or the run can no more be read.
    pub fn serve_for(&mut self, time: Duration) -> Result<()> {
        let site = Rc::clone(&self.site);
        self.listener.listen_for(time, move |request| site.borrow_mut().answer_or_fail(request))?;
        self.site.borrow_mut().failed.take().map_or(Ok(()), Err)
    }
}

impl Site {
    fn simulated_ns(&self) -> u64 {
        let now = match self.serving.speed {
            Speed::Times(times) => self.clock.now(times).0,
            Speed::Max => self.scrapes.time_ns(),
        };
        u64::try_from(now - self.run.manifest().start_unix_ns).unwrap_or(0)
    }

    fn answer_or_fail(&mut self, request: &Request<'_>) -> Answer {
        self.answer(request).unwrap_or_else(|error| {
            let text = format!("{error}\n");
            self.failed = Some(error);
            (500, PLAIN, text)
        })
    }

    fn answer(&mut self, request: &Request<'_>) -> Result<Answer> {
        if !request.is_read {
            return Ok((405, PLAIN, "only GET is answered\n".into()));
        }
        Ok(match request.path {
            "/" => (200, "text/html; charset=utf-8", page::help(self.simulated_ns(), self.processes.keys())),
            "/-/healthy" | "/-/ready" => (200, PLAIN, "OK\n".into()),
            "/sd" => {
                let address = request.host.map_or_else(|| self.address.to_string(), str::to_owned);
                let processes =
                    self.processes.iter().map(|(instance, (service, _))| (service.as_str(), instance.as_str()));
                (200, "application/json", page::targets(&address, processes))
            }
            "/metrics" => self.metrics(request.query, accept::best(request.accept))?,
            _ => (404, PLAIN, "no such page; there are /metrics, /sd, /-/healthy and /\n".to_owned()),
        })
    }

    fn metrics(&mut self, query: &str, text: Text) -> Result<Answer> {
        let queries: Vec<_> = query.split('&').filter(|query| !query.is_empty()).collect();
        let queried = |name: &str| queries.iter().find_map(|query| query.strip_prefix(name)?.strip_prefix('='));
        let refused = |what: &str| Ok((404, PLAIN, format!("{what}\n")));
        let chosen = match (queried("instance"), queried("exporter")) {
            (Some(instance), None) => match self.processes.get_key_value(instance) {
                Some((instance, (_, up))) => Chosen::Process { instance: instance.clone(), up: *up },
                None => return refused("no such instance; /sd lists them"),
            },
            (None, Some("platform")) => Chosen::Platform,
            (None, None) if queries.is_empty() => Chosen::Everything,
            _ => return refused("give instance=NAME, exporter=platform, or nothing"),
        };
        self.go_on(chosen.target())?;
        self.answered += 1;
        if let Chosen::Process { instance, up: Some(up) } = &chosen
            && self.scrapes.value(*up) != Some(1.0)
        {
            return Ok((503, PLAIN, format!("{instance} answers no scrape at this instant\n")));
        }
        Ok((200, text.content_type(), self.told(&chosen, text)))
    }

    /// Reads on to the simulated instant that it is when a target is asked.
    fn go_on(&mut self, target: String) -> Result<()> {
        match self.serving.speed {
            Speed::Times(times) => {
                let (now, begun) = self.clock.now(times);
                if begun != self.begun {
                    self.begun = begun;
                    self.scrapes = Scrapes::open(&self.run, self.series)?;
                }
                self.scrapes.advance(now)
            }
            Speed::Max if self.asked.insert(target.clone()) => Ok(()),
            Speed::Max => {
                self.asked = BTreeSet::from([target]);
                if !self.scrapes.step()? && self.serving.looped {
                    self.scrapes = Scrapes::open(&self.run, self.series)?;
                }
                Ok(())
            }
        }
    }

    /// What the series that were chosen are by now.
    fn told(&self, chosen: &Chosen, text: Text) -> String {
        let families = if matches!(chosen, Chosen::Process { .. }) { &self.own } else { &self.scraped };
        let mut out = String::new();
        for family in families.all.iter().filter(|family| chosen.has_family(family.name())) {
            let mut header = Some(family.header(text));
            for line in family.metrics.iter().filter(|metric| chosen.has(metric)).flat_map(|metric| &metric.lines) {
                let Some(value) = self.scrapes.value(line.series) else { continue };
                out.extend(header.take());
                out.push_str(line.head(text));
                put_value(&mut out, value);
                if self.serving.timestamps {
                    out.push(' ');
                    put_time(&mut out, text, self.scrapes.time_ns());
                }
                out.push('\n');
            }
        }
        out + text.end()
    }
}

/// Which series are asked for.
enum Chosen {
    Everything,
    Platform,
    Process { instance: String, up: Option<usize> },
}

impl Chosen {
    /// What tells it from other targets.
    fn target(&self) -> String {
        match self {
            Self::Everything => String::new(),
            Self::Platform => "exporter".to_owned(),
            Self::Process { instance, .. } => format!("instance {instance}"),
        }
    }

    fn has_family(&self, name: &str) -> bool {
        let is_platform = ["container_", "kube_", "prober_"].iter().any(|prefix| name.starts_with(prefix));
        match self {
            Self::Everything => true,
            Self::Platform => is_platform,
            Self::Process { .. } => !is_platform && name != "up",
        }
    }

    fn has(&self, metric: &Metric) -> bool {
        match self {
            Self::Process { instance, .. } => metric.instance == *instance,
            _ => true,
        }
    }
}
