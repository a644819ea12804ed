//! Services and their pools.

use super::Compiler;
use crate::decode::{At, Entry};
use crate::language::{
    CPythonText, CollectorText, ContentionText, DisciplineText, HeapText, Law, MemoryText, OutOfMemory, PauseText,
    PoolFields, PoolText, PreforkText, QueuePoolFields, RestartText, RuntimeText, ServiceText, VacationText,
};
use crate::leaf::{Bytes, Name};
use crate::path::FIXED_PARTS;
use crate::suggest;
use knockon_kernel::Time;
use knockon_model::blueprint::{
    CPython, Collector, Cores, CpuDiscipline, Heap, Memory, OnOutOfMemory, PauseCost, Pool, PoolKind, Prefork,
    RestartPolicy, Runtime, Service, Vacation, WarmUp,
};
use knockon_model::cpu::Contention;
use knockon_model::id::ServiceId;

impl<'t> Compiler<'t> {
    pub(super) fn service(&mut self, name: &'t str, entry: &'t Entry<ServiceText>) -> Service {
        let text = &entry.value;
        let runtime = self.runtime(text);
        let node = matches!(runtime, Runtime::Node);
        let memory = memory(&text.memory);
        self.check_memory(text, &runtime);
        let pools = text.pools.iter().map(|(name, entry)| self.pool(name, entry)).collect();
        let executors = self.executors(text);
        let consumes = !text.consumers.entries.is_empty() || text.consumers.partial;
        if text.endpoints.entries.is_empty() && !text.endpoints.partial && !consumes && !entry.broken {
            self.report(entry.name, format!("the service {name:?} has no endpoint"), None);
        }
        let mut endpoints = self.endpoints(name, text);
        let (tasks, consumers) = self.consumers(name, text);
        endpoints.extend(tasks);
        Service {
            name: name.to_owned(),
            draw_name: draw_name(name, &text.was),
            runtime,
            replicas: text.replicas.0,
            workers: text.workers.0,
            places: text.places.0,
            cores: text.cores.0.map_or(Cores::Unlimited, Cores::Milli),
            discipline: match &text.discipline.value {
                Some(DisciplineText::FirstCome) => CpuDiscipline::FirstCome,
                None if node => CpuDiscipline::FirstCome,
                Some(DisciplineText::Shared) | None => CpuDiscipline::Shared,
            },
            quota: text.quota.0,
            contention: self.contention(&text.contention),
            memory,
            start_up: self.sampler(&text.start_up, text.start_up.span),
            warm_up: self.warm_up(text),
            certificate: text.certificate_expires.value.map(|after| Time::from_nanos(after.as_nanos())),
            vacation: self.vacation(text),
            prefork: self.prefork(text),
            restart: restart(&text.restart),
            health: self.health(text),
            stop_grace: text.stop_grace.value,
            cancels_abandoned: text.cancels_abandoned.value,
            storage: None,
            admission: self.admission(text),
            endpoints,
            pools,
            executors,
            consumers,
        }
    }

    pub(super) fn contention(&mut self, text: &At<Option<ContentionText>>) -> Option<Contention> {
        let text = text.value.as_ref()?;
        let [sigma_nano, kappa_nano] = [&text.sigma, &text.kappa].map(|factor| {
            if factor.0 > 1.0 {
                self.report(factor.span, "a coefficient of contention lies between 0 and 1", None);
            }
            // Thousand-millionths.
            (factor.0.min(1.0) * 1e9).round() as u64
        });
        Some(Contention { sigma_nano, kappa_nano })
    }

    fn prefork(&mut self, text: &ServiceText) -> Option<Prefork> {
        let PreforkText::Gunicorn(gunicorn) = text.prefork.value.as_ref()?;
        let span = text.prefork.span;
        if !matches!(text.runtime.value, RuntimeText::CPython(_)) && !text.runtime.broken {
            let hint = "give the service `runtime: CPython()`, or leave `prefork` out: threads are its `workers`";
            self.report(span, "gunicorn forks workers that run Python", Some(hint.into()));
        }
        if text.workers.0.is_none() && !text.workers.broken {
            self.report(span, "how many workers gunicorn forks, `workers` says: it is not Unlimited", None);
        }
        if text.concurrency.value.is_some() {
            let hint = "leave one of them out: each worker serves one request at a time";
            self.report(span, "a service with `prefork` has no other limit of requests at once", Some(hint.into()));
        }
        if !text.consumers.entries.is_empty() {
            self.report(span, "gunicorn's workers serve requests: a service with `consumers` has no `prefork`", None);
        }
        Some(Prefork {
            timeout: gunicorn.timeout.value.map(|timeout| timeout.0),
            graceful_timeout: gunicorn.graceful_timeout.0,
            max_requests: gunicorn.max_requests.0,
            max_requests_jitter: gunicorn.max_requests_jitter.0,
            boot: self.sampler(&gunicorn.boot, gunicorn.boot.span),
        })
    }

    fn warm_up(&mut self, text: &ServiceText) -> Option<WarmUp> {
        let warm_up = text.warm_up.value.as_ref()?;
        if warm_up.factor.0 < 1.0 {
            self.report(warm_up.factor.span, "a warm-up factor is at least 1: young processes are not faster", None);
        }
        Some(WarmUp { factor: warm_up.factor.0, requests: warm_up.requests.0 })
    }

    fn vacation(&mut self, text: &ServiceText) -> Option<Vacation> {
        let vacation = text.vacation.value.as_ref()?;
        let mut lasting = |law: &At<Law>| {
            let sampler = self.sampler(law, law.span);
            if self.blueprint[sampler].mean() <= 0.0 && !law.broken {
                self.report(law.span, "a vacation and the time between two take some time", None);
            }
            sampler
        };
        Some(match vacation {
            VacationText::Periodic(text) => {
                Vacation::Periodic { every: lasting(&text.every), length: lasting(&text.length) }
            }
            VacationText::WhenIdle(text) => {
                Vacation::WhenIdle { length: lasting(&text.length), repeats: text.repeats.value }
            }
        })
    }

    fn runtime(&mut self, text: &ServiceText) -> Runtime {
        match &text.runtime.value {
            RuntimeText::Native => Runtime::Native,
            RuntimeText::Node => Runtime::Node,
            RuntimeText::Jvm(jvm) => {
                let heap = &jvm.heap;
                if heap.base.0 >= heap.maximum.0 && !heap.base.broken && !heap.maximum.broken {
                    self.report(
                        heap.base.span,
                        "the idle application does not fit into its heap: `base` is not below `maximum`",
                        None,
                    );
                }
                if heap.initiating_occupancy_percent.0 > 100 {
                    self.report(
                        heap.initiating_occupancy_percent.span,
                        "more than 100 percent of the heap is impossible",
                        None,
                    );
                }
                if heap.new_ratio.0 == 0 && heap.collector.value != CollectorText::Serial && !heap.new_ratio.broken {
                    self.report(
                        heap.new_ratio.span,
                        "a heap of one space (`new_ratio: 0`) is collected by Serial only",
                        Some("set `collector: Serial`".into()),
                    );
                }
                Runtime::Jvm(heap_of(heap))
            }
            RuntimeText::CPython(python) => Runtime::CPython(cpython(python)),
        }
    }

    /// The idle process must fit below its limit.
    fn check_memory(&mut self, text: &ServiceText, runtime: &Runtime) {
        let base = match runtime {
            Runtime::Jvm(heap) => heap.base,
            Runtime::CPython(python) => python.base,
            _ => 0,
        };
        if let Some(Bytes(limit)) = text.memory.limit.value
            && text.memory.baseline.0.saturating_add(base) >= limit
        {
            self.report(
                text.memory.limit.span,
                "the idle process is above its memory limit",
                Some("the baseline and the heap's base together must lie below `limit`".into()),
            );
        }
    }

    fn pool(&mut self, name: &str, entry: &Entry<PoolText>) -> Pool {
        if let Some(refusal) = Name::refusal(name) {
            self.report(entry.name, refusal, None);
        }
        if FIXED_PARTS.contains(&name) {
            self.report(
                entry.name,
                format!("a pool cannot be called {name:?}: paths use that name for something else"),
                None,
            );
        }
        match &entry.value {
            PoolText::HikariCp(pool) => self.hikari(name, pool),
            PoolText::QueuePool(pool) => self.queue_pool(name, pool),
        }
    }

    fn find_database(&mut self, name: &At<Name>) -> ServiceId {
        if !name.broken && self.system.databases.get(&name.0).is_none() && !self.system.databases.partial {
            let hint = suggest::hint(&name.0, self.system.databases.names());
            self.report(name.span, format!("there is no database {:?}", name.0), hint);
        }
        self.services.get(name.0.as_str()).copied().unwrap_or_default()
    }

    fn hikari(&mut self, name: &str, text: &PoolFields) -> Pool {
        let minimum_idle = text.minimum_idle.value.map_or(text.maximum.0, |count| count.0);
        if minimum_idle > text.maximum.0 {
            self.report(text.minimum_idle.span, "more idle connections are kept than the pool may have", None);
        }
        if text.acquire_timeout.0.as_nanos() < 250_000_000 && !text.acquire_timeout.broken {
            self.report(text.acquire_timeout.span, "HikariCP refuses an acquire timeout below 250 ms", None);
        }
        if text.lifetime_variance_permille.0 > 1000 {
            self.report(text.lifetime_variance_permille.span, "more than 1 000 thousandths are impossible", None);
        }
        Pool {
            name: name.to_owned(),
            database: self.find_database(&text.database),
            kind: PoolKind::HikariCp,
            maximum: text.maximum.0,
            minimum_idle,
            overflow: 0,
            acquire_timeout: text.acquire_timeout.0,
            idle_timeout: text.idle_timeout.value.map(|period| period.0),
            maximum_lifetime: text.maximum_lifetime.value.map(|period| period.0),
            lifetime_variance_permille: text.lifetime_variance_permille.0,
            keepalive: text.keepalive.value.map(|period| period.0),
            validate_after_idle: text.validate_after_idle.value.map(|period| period.0),
            leak_detection: text.leak_detection.value.map(|period| period.0),
            barging: text.barging.value,
        }
    }

    fn queue_pool(&mut self, name: &str, text: &QueuePoolFields) -> Pool {
        Pool {
            name: name.to_owned(),
            database: self.find_database(&text.database),
            kind: PoolKind::QueuePool,
            maximum: text.maximum.0,
            minimum_idle: 0,
            overflow: text.overflow.0,
            acquire_timeout: text.acquire_timeout.0,
            idle_timeout: None,
            maximum_lifetime: text.maximum_lifetime.value.map(|period| period.0),
            lifetime_variance_permille: 0,
            keepalive: None,
            // A connection that was idle for any time at all is pinged.
            validate_after_idle: text.pre_ping.value.then_some(knockon_kernel::Duration::ZERO),
            leak_detection: None,
            barging: false,
        }
    }
}

pub(super) fn draw_name(name: &str, was: &At<Option<Name>>) -> String {
    was.value.as_ref().map_or(name, |was| &was.0).to_owned()
}

pub(super) fn memory(text: &MemoryText) -> Memory {
    Memory { baseline: text.baseline.0, limit: text.limit.value.map(|bytes| bytes.0) }
}

pub(super) fn restart(text: &RestartText) -> RestartPolicy {
    match text {
        RestartText::Never => RestartPolicy::Never,
        RestartText::Kubernetes(back_off) => RestartPolicy::Kubernetes {
            initial: back_off.initial.0,
            maximum: back_off.maximum.0,
            reset: back_off.reset.0,
        },
        RestartText::Compose(back_off) => {
            RestartPolicy::Compose { initial: back_off.initial.0, maximum: back_off.maximum.0, reset: back_off.reset.0 }
        }
    }
}

fn pause(text: &PauseText) -> PauseCost {
    PauseCost { base: text.base.value, per_mib: text.per_mib.value }
}

fn heap_of(text: &HeapText) -> Heap {
    Heap {
        maximum: text.maximum.0,
        collector: match text.collector.value {
            CollectorText::Serial => Collector::Serial,
            CollectorText::Parallel => Collector::Parallel,
            CollectorText::G1 => Collector::G1,
        },
        base: text.base.0,
        new_ratio: text.new_ratio.0,
        // One space has no survivors either.
        survivor_ratio: if text.new_ratio.0 == 0 { u32::MAX } else { text.survivor_ratio.0 },
        initiating_occupancy_percent: text.initiating_occupancy_percent.0,
        minor_pause: pause(&text.minor_pause),
        major_pause: pause(&text.major_pause),
        concurrent_milli_cores: text.concurrent_cores.0.unwrap_or(1_000_000),
        mark_bytes_per_second: text.mark_rate.0,
        pause_target: text.pause_target.0,
        overhead_limit: text.overhead_limit.value,
        pause_scale: text.pause_scale.0,
        on_out_of_memory: match text.on_out_of_memory.value {
            OutOfMemory::Exit => OnOutOfMemory::Exit,
            OutOfMemory::Continue => OnOutOfMemory::Continue,
        },
    }
}

fn cpython(text: &CPythonText) -> CPython {
    CPython {
        base: text.base.0,
        object_bytes: text.object_bytes.0,
        thresholds: [text.threshold_0.0, text.threshold_1.0, text.threshold_2.0],
        per_object: text.per_object.value,
    }
}
