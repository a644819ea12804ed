//! The semantic conventions of OpenTelemetry: how what the tables know is called in attributes, today and before it was stable.
//!
//! Sources: `semantic-conventions` 1.44 (`http`, `database`, `messaging`), and 1.20, the last with the old names of all three; the names
//! are those that `OTEL_SEMCONV_STABILITY_OPT_IN` switches between.

/// Which names attributes have.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum SemanticConventions {
    /// Those of today: `http.request.method`.
    #[default]
    Stable,
    /// Those before HTTP and databases were stable: `http.method`.
    Old,
    /// Both, as instrumentation writes them while it moves (`http/dup`).
    Both,
}

impl SemanticConventions {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Stable, Self::Old, Self::Both];

    /// The name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stable => "stable",
            Self::Old => "old",
            Self::Both => "both",
        }
    }

    /// Whether names of today are wanted.
    pub(crate) const fn is_stable(self) -> bool {
        !matches!(self, Self::Old)
    }

    /// Whether old names are.
    pub(crate) const fn is_old(self) -> bool {
        !matches!(self, Self::Stable)
    }
}

/// A name of today and the one before, where it had another; `None` where there is none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Name {
    pub(crate) stable: Option<&'static str>,
    pub(crate) old: Option<&'static str>,
}

impl Name {
    const fn renamed(stable: &'static str, old: &'static str) -> Self {
        Self { stable: Some(stable), old: Some(old) }
    }

    const fn unchanged(name: &'static str) -> Self {
        Self { stable: Some(name), old: Some(name) }
    }

    /// The keys that an attribute has by conventions: one, or two.
    pub(crate) fn keys(self, conventions: SemanticConventions) -> impl Iterator<Item = &'static str> {
        let stable = self.stable.filter(|_| conventions.is_stable());
        let old = self.old.filter(|old| conventions.is_old() && stable != Some(old));
        stable.into_iter().chain(old)
    }
}

pub(crate) const HTTP_METHOD: Name = Name::renamed("http.request.method", "http.method");
pub(crate) const HTTP_ROUTE: Name = Name::unchanged("http.route");
pub(crate) const HTTP_STATUS: Name = Name::renamed("http.response.status_code", "http.status_code");
pub(crate) const HTTP_RESENDS: Name = Name::renamed("http.request.resend_count", "http.resend_count");
/// The old one has the query too, of which there is none.
pub(crate) const URL_PATH: Name = Name::renamed("url.path", "http.target");
pub(crate) const URL_SCHEME: Name = Name::renamed("url.scheme", "http.scheme");
pub(crate) const SERVER_ADDRESS: Name = Name::renamed("server.address", "net.peer.name");
pub(crate) const ERROR_TYPE: Name = Name { stable: Some("error.type"), old: None };
pub(crate) const DB_SYSTEM: Name = Name::renamed("db.system.name", "db.system");
pub(crate) const DB_OPERATION: Name = Name::renamed("db.operation.name", "db.operation");
pub(crate) const DB_COLLECTION: Name = Name::renamed("db.collection.name", "db.sql.table");
pub(crate) const MESSAGING_SYSTEM: Name = Name::unchanged("messaging.system");
pub(crate) const MESSAGING_OPERATION: Name = Name::renamed("messaging.operation.name", "messaging.operation");
pub(crate) const MESSAGING_OPERATION_TYPE: Name = Name { stable: Some("messaging.operation.type"), old: None };
pub(crate) const MESSAGING_DESTINATION: Name = Name::unchanged("messaging.destination.name");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_set_of_conventions_has_its_names_and_none_twice() {
        let keys = |name: Name, conventions| name.keys(conventions).collect::<Vec<_>>();
        assert_eq!(keys(HTTP_METHOD, SemanticConventions::Stable), ["http.request.method"]);
        assert_eq!(keys(HTTP_METHOD, SemanticConventions::Old), ["http.method"]);
        assert_eq!(keys(HTTP_METHOD, SemanticConventions::Both), ["http.request.method", "http.method"]);
        assert_eq!(keys(HTTP_ROUTE, SemanticConventions::Both), ["http.route"]);
        assert_eq!(keys(ERROR_TYPE, SemanticConventions::Old), Vec::<&str>::new());
    }
}
