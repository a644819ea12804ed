//! What the lab concludes, block by block, as rows of the tables of truth.

use knockon_lab::truth::{self, Kind, Metric, Rows, Settled, Truth};
use knockon_model::blueprint::Blueprint;
use knockon_model::id::FaultId;
use knockon_model::record::{Catalogue, RequestRecord};
use knockon_telemetry::{
    BlameRow, EffectRow, End, Error, LogLabel, MetricName, Role, RunWriter, SampleLabel, SpanLabel, TruthTables,
    WindowRow,
};

/// The tables of a run whose faults are compared with the same world without them.
pub(crate) struct Conclusions {
    tables: TruthTables,
    /// Services by process, and components of faults.
    services: Vec<String>,
    faults: Vec<Vec<String>>,
    components: Vec<String>,
}

impl Conclusions {
    /// Opens the tables.
    pub(crate) fn open<const O: bool>(
        writer: &RunWriter,
        truth: &Truth<O>,
        catalogue: &Catalogue,
        blueprint: &Blueprint,
    ) -> Result<Self, Error> {
        let names = truth.metrics().list().iter().map(|Metric { component, part, name, unit, .. }| MetricName {
            component: component.clone(),
            part: part.clone(),
            name: name.clone(),
            unit: (*unit).to_owned(),
        });
        let all = (0..blueprint.faults.len() as u32).map(FaultId);
        Ok(Self {
            tables: writer.truth_tables(names)?,
            services: catalogue.processes.iter().map(|process| process.name.clone()).collect(),
            faults: all.map(|fault| truth::causes::components(blueprint, fault)).collect(),
            components: truth.metrics().list().iter().map(|metric| metric.component.clone()).collect(),
        })
    }

    /// Writes the rows of a block.
    pub(crate) fn write(&mut self, settled: &Settled) -> Result<(), Error> {
        for window in &settled.blame {
            let row = |&blame| BlameRow { start: window.start, end: window.end, blame };
            self.tables.blame(&window.records.iter().map(row).collect::<Vec<_>>())?;
        }
        for rows in &settled.rows {
            // What a fault does alone, in worlds of its own, are no rows of the fact.
            if let Kind::Sufficiency(_) = rows.kind {
                continue;
            }
            self.write_rows(rows)?;
        }
        Ok(())
    }

    fn write_rows(&mut self, rows: &Rows) -> Result<(), Error> {
        let contrast = rows.contrast;
        let (services, faults, components) = (&self.services, &self.faults, &self.components);
        let role = |component: &str| {
            let is_cause = rows.faults.iter().any(|fault| faults[fault.index()].iter().any(|one| one == component));
            if is_cause { Role::Cause } else { Role::Propagated }
        };
        let spans: Vec<_> = rows
            .labels
            .spans
            .iter()
            .map(|mark| SpanLabel {
                contrast,
                trace: mark.trace,
                span: mark.span,
                start: mark.start,
                role: role(&services[mark.process.index()]),
                difference_ns: mark.difference_ns,
                hurt: mark.hurt,
            })
            .collect();
        let logs: Vec<_> = rows
            .labels
            .logs
            .iter()
            .map(|mark| LogLabel {
                contrast,
                uid: mark.uid,
                time: mark.time,
                role: role(&services[mark.process.index()]),
            })
            .collect();
        let samples: Vec<_> = rows
            .labels
            .samples
            .iter()
            .map(|mark| SampleLabel {
                contrast,
                series: mark.series,
                time: mark.time,
                role: role(&components[mark.metric]),
                hurt: mark.hurt,
            })
            .collect();
        self.tables.effects(&rows.effects.iter().map(|row| effect(contrast, row)).collect::<Vec<_>>())?;
        self.tables.windows(&rows.windows.iter().map(|row| window(contrast, row)).collect::<Vec<_>>())?;
        self.tables.span_labels(&spans)?;
        self.tables.log_labels(&logs)?;
        self.tables.sample_labels(&samples)
    }

    /// The tables, to be closed with the run.
    pub(crate) fn into_tables(self) -> TruthTables {
        self.tables
    }
}

fn effect(contrast: u32, row: &truth::EffectRow) -> EffectRow {
    let either = row.pair.either();
    EffectRow {
        contrast,
        client: either.client,
        number: either.number,
        trace: either.trace,
        operation: either.operation,
        sent: either.sent,
        with: row.pair.with.as_ref().map(end),
        without: row.pair.without.as_ref().map(end),
        band_ns: row.band_ns,
        outside: row.outside,
        labelled: row.labelled,
        hurt: row.hurt,
    }
}

fn end(record: &RequestRecord) -> End {
    End {
        latency_ns: (record.ended - record.sent).as_nanos(),
        status: record.status,
        error: record.error,
        parts: record.parts,
    }
}

fn window(contrast: u32, row: &truth::WindowRow) -> WindowRow {
    WindowRow {
        contrast,
        metric: row.metric as u32,
        start: row.start,
        end: row.end,
        with: row.with,
        without: row.without,
        placebo: row.placebo,
        band: row.band,
        outside: row.outside,
        labelled: row.labelled,
        hurt: row.hurt,
    }
}
