//! Who asks for what and what comes of it, in the words that the tables of requests share.

use super::arrays::{NULL, Words};
use crate::dialect::{ErrorWords, span_name};
use arrow::array::ArrayRef;
use knockon_model::blueprint::{Blueprint, Operation};
use knockon_model::id::{OperationId, ProcessId};
use knockon_model::record::{Catalogue, ErrorType, OperationInfo, SpanKind};

/// Whether a client counts a request as failed.
pub(super) const fn failed(status: u16, error: Option<ErrorType>) -> bool {
    error.is_some() || status >= 500
}

/// Names of sources, of what they ask for, and of what goes wrong with it.
#[derive(Debug)]
pub(super) struct Asked {
    /// By process: number of its source's name.
    source_of: Vec<i32>,
    /// By operation: number of its name, and whether answers carry a status.
    named: Vec<(i32, bool)>,
    sources: Words,
    names: Words,
    errors: Words,
    error_words: ErrorWords,
}

impl Asked {
    pub(super) fn new(catalogue: &Catalogue, blueprint: &Blueprint) -> Self {
        let (mut sources, mut names) = (Words::default(), Words::default());
        let mut name = |info: &OperationInfo| {
            // The client's own span would not name the route, but truth knows it.
            let server = OperationInfo { kind: SpanKind::Server, ..info.clone() };
            (names.key(&span_name(&server)), matches!(info.operation, Operation::Http { .. }))
        };
        let named = catalogue.operations.iter().map(&mut name).collect();
        let source_of = catalogue.processes.iter().map(|process| sources.key(&process.name)).collect();
        let error_words = ErrorWords::new(catalogue, blueprint);
        Self { source_of, named, sources, names, errors: Words::default(), error_words }
    }

    /// A column of sources, by their client sides.
    pub(super) fn sources(&mut self, clients: impl Iterator<Item = ProcessId>) -> ArrayRef {
        self.sources.column(clients.map(|client| self.source_of[client.index()]).collect())
    }

    /// A column of what was asked for, as the server would name it.
    pub(super) fn names(&mut self, operations: impl Iterator<Item = OperationId>) -> ArrayRef {
        self.names.column(operations.map(|operation| self.named[operation.index()].0).collect())
    }

    /// The status that an answer carries; 0 where its protocol has none.
    pub(super) fn status(&self, operation: OperationId, status: u16) -> u16 {
        if self.named[operation.index()].1 { status } else { 0 }
    }

    /// The number of `error.type` as the client would report it; [`NULL`] for a request that has not failed.
    pub(super) fn error(
        &mut self,
        client: ProcessId,
        operation: OperationId,
        status: u16,
        error: Option<ErrorType>,
    ) -> i32 {
        if !failed(status, error) {
            return NULL;
        }
        self.errors.key(self.error_words.of_request(client, operation, status, error))
    }

    /// A column of errors by their numbers.
    pub(super) fn errors(&mut self, keys: Vec<i32>) -> ArrayRef {
        self.errors.column(keys)
    }
}
