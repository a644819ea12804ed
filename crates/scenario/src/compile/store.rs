//! Databases: services with programs that everyone knows.

use super::service::{draw_name, memory, restart};
use super::{Compiler, site};
use crate::decode::At;
use crate::language::{DatabaseText, Law};
use crate::leaf::Name;
use knockon_model::blueprint::{
    Admission, Cores, CpuDiscipline, Endpoint, Operation, Postgres, Runtime, Service, Step,
};
use knockon_model::id::{EndpointId, ServiceId};
use knockon_model::lock::DEADLOCK_TIMEOUT;

impl<'t> Compiler<'t> {
    pub(super) fn database(&mut self, name: &str, text: &DatabaseText) -> Service {
        if text.reserved.0 >= text.max_connections.0 {
            self.report(text.reserved.span, "every connection slot is reserved: nobody could connect", None);
        }
        let id = self.services[name];
        let mut endpoints = vec![
            self.statement("COMMIT", "COMMIT", "", "COMMIT", (&text.commit, (id, EndpointId(0)))),
            self.statement("ROLLBACK", "ROLLBACK", "", "ROLLBACK", (&text.rollback, (id, EndpointId(1)))),
        ];
        Self::commit_steps(text, &mut endpoints[0]);
        for (n, (name, entry)) in text.queries.iter().enumerate() {
            if let Some(refusal) = Name::refusal(name) {
                self.report(entry.name, refusal, None);
            }
            let query = &entry.value;
            let statement = query.text.value.clone().unwrap_or_else(|| standard_text(&query.operation, &query.table));
            let place = (id, EndpointId(n as u32 + 2));
            let mut endpoint = self.statement(name, &query.operation, &query.table, &statement, (&query.demand, place));
            self.store_steps(text, query, &mut endpoint);
            if let Some(row) = &query.locks.value {
                endpoint.program.insert(0, self.lock_step(row));
            }
            if text.replica_of.is_some() {
                self.check_read_only(query);
                endpoint.program.insert(0, Step::SeeReplayed);
            }
            if let Some(step) = self.table_lock_step(text, query) {
                endpoint.program.insert(0, step);
            }
            endpoints.push(endpoint);
        }
        let postgres = Postgres {
            max_connections: text.max_connections.0,
            reserved: text.reserved.0,
            slow_query: text.slow_query.value.map(|period| period.0),
            connect: self.sampler(&text.connect, text.connect.span),
            serial_share: text.serial_share.0,
            lock_timeout: text.lock_timeout.value.map(|period| period.0),
            statement_timeout: text.statement_timeout.value.map(|period| period.0),
            deadlock_timeout: text.deadlock_timeout.value.map_or(DEADLOCK_TIMEOUT, |period| period.0),
            replica: self.replica(id, text),
            log_lock_waits: text.log_lock_waits.value,
        };
        Service {
            name: name.to_owned(),
            draw_name: draw_name(name, &text.was),
            runtime: Runtime::Postgres(postgres),
            replicas: 1,
            workers: text.workers.0,
            places: None,
            cores: text.cores.0.map_or(Cores::Unlimited, Cores::Milli),
            discipline: CpuDiscipline::Shared,
            quota: text.quota.0,
            contention: self.contention(&text.contention),
            memory: memory(&text.memory),
            start_up: self.sampler(&text.start_up, text.start_up.span),
            warm_up: None,
            certificate: None,
            vacation: None,
            health: None,
            restart: restart(&text.restart),
            prefork: None,
            executors: Vec::new(),
            stop_grace: knockon_kernel::Duration::ZERO,
            cancels_abandoned: false,
            storage: self.storage(text),
            admission: Admission::default(),
            endpoints,
            pools: Vec::new(),
            consumers: Vec::new(),
        }
    }

    fn statement(
        &mut self,
        name: &str,
        operation: &str,
        table: &str,
        text: &str,
        (demand, place): (&At<Law>, (ServiceId, EndpointId)),
    ) -> Endpoint {
        let operation = Operation::Sql { operation: operation.into(), table: table.into(), text: text.into() };
        let demand = self.step_sampler(demand, demand.span, place);
        let program = vec![Step::Compute { site: site("compute", "", 0), demand }];
        Endpoint { name: name.to_owned(), operation, program, choices: Vec::new(), messages: Vec::new() }
    }
}

fn standard_text(operation: &str, table: &str) -> String {
    match operation {
        "INSERT" => format!("INSERT INTO {table} VALUES ($1)"),
        "UPDATE" => format!("UPDATE {table} SET value = $2 WHERE id = $1"),
        "DELETE" => format!("DELETE FROM {table} WHERE id = $1"),
        "SELECT" => format!("SELECT * FROM {table} WHERE id = $1"),
        other => format!("{other} {table}").trim_end().to_owned(),
    }
}
