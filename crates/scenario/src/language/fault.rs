//! Faults: what is set on a cause, and when. Symptoms emerge.

use super::{LoadText, LockModeText};
use crate::decode::{Map, choice, record};
use crate::leaf::{Count, Name, Portion, Setting};
use knockon_kernel::Duration;

choice! {
    /// A fault. It acts on a cause; what follows from it, follows by itself.
    FaultText as "fault" {
        /// Kills every process of a service; the platform restarts it.
        Kill(Kill),
        /// A new version of a service is rolled out, whose parameters differ.
        Deploy(Deploy),
        /// Parameters change.
        Set(SetText),
        /// One more source of requests.
        Surge(Surge),
        /// Every process of a service stands still.
        Pause(Pause),
        /// Another session's transaction holds a row of a database.
        HoldLock(HoldLock),
        /// An administrator ends a database's back ends (`pg_terminate_backend`).
        Terminate(Terminate),
        /// Every process of a service is shut down at once, and started again later.
        Restart(RestartFault),
        /// A service's certificate is renewed on its disks; it is loaded at the next start or reload.
        Renew(Renew),
        /// A service loads its certificate and closes encrypted connections that clients keep.
        Reload(Reload),
        /// A cache is emptied.
        Flush(Flush),
        /// One request is never sent: the smallest fault that there is.
        DropRequest(DropRequest),
        /// Another session's transaction holds a table of a database.
        HoldTable(HoldTable),
    }
}

record! {
    /// A new version.
    Deploy as "Deploy" {
        /// The service.
        service: Name,
        /// When.
        at: Duration,
        /// Paths and values in the new version.
        set: Map<Setting>,
        /// What the run without the fault is.
        contrast: ContrastText = [SameDeploy],
    }
}

choice! {
    /// What the run without a fault is.
    ContrastText as "contrast" {
        /// The same deploy without the defect: the restart happens, the parameters stay.
        SameDeploy,
        /// No deploy.
        Nothing,
    }
}

record! {
    /// Parameters change. Of several faults that are in force on one parameter the last to act has it: one that ends earlier changes nothing then, and
    /// at the end of the last it is what it would be without it.
    SetText as "Set" {
        /// When.
        at: Duration,
        /// Paths and values.
        set: Map<Setting>,
        /// When they are as without it again. None is never.
        until: Option<Duration>,
    }
}

record! {
    /// One more source.
    Surge as "Surge" {
        /// Name of the source in the tables and of its draws.
        source: Name,
        /// When it begins.
        at: Duration,
        /// When it ends. None is never.
        until: Option<Duration>,
        /// The source; its own `from` and `until` are those of the surge.
        load: Box<LoadText>,
    }
}

record! {
    /// Kills a service.
    Kill as "Kill" {
        /// The service.
        service: Name,
        /// When.
        at: Duration,
    }
}

record! {
    /// Stops a service for a while.
    Pause as "Pause" {
        /// The service.
        service: Name,
        /// When it stops.
        at: Duration,
        /// When it goes on.
        until: Duration,
        /// Whether what is being worked on is finished, and only nothing new is taken up.
        finishes_work: bool = [false],
    }
}

record! {
    /// A transaction of a session from outside (a person at a console, a batch job) locks a row as soon as it can get it, and
    /// commits at the end.
    HoldLock as "HoldLock" {
        /// The database.
        database: Name,
        /// The row, or the table whose rows are drawn, as a query class names it.
        row: Name,
        /// Which row of the table, from 1: the most popular.
        number: Count<1> = [1],
        /// When it asks for the row.
        at: Duration,
        /// When it commits.
        until: Duration,
    }
}

record! {
    /// A transaction of a session from outside (a migration, a report, a console that was left open) locks a table as soon as it can get it, and
    /// commits at the end. While it waits others queue behind it.
    HoldTable as "HoldTable" {
        /// The database.
        database: Name,
        /// The table, one of the database's `tables`.
        table: Name,
        /// In which mode.
        mode: LockModeText = [AccessExclusive],
        /// When it asks for the table.
        at: Duration,
        /// When it commits.
        until: Duration,
    }
}

record! {
    /// Ends back ends: running statements fail with SQLSTATE 57P01, idle connections are found dead when they are next used.
    Terminate as "Terminate" {
        /// The database.
        database: Name,
        /// When.
        at: Duration,
        /// Share of the back ends, drawn for each.
        share: Portion = [1],
    }
}

record! {
    /// Shuts a service down at once (SIGKILL) and keeps it down for a while: connections are refused, and at a database those that
    /// were open break (SQLSTATE 08006).
    RestartFault as "Restart" {
        /// The service.
        service: Name,
        /// When it is shut down.
        at: Duration,
        /// When it is started again; it serves after its start-up.
        until: Duration,
    }
}

record! {
    /// Renews a certificate.
    Renew as "Renew" {
        /// The service.
        service: Name,
        /// When.
        at: Duration,
        /// When the new certificate expires, from the start of the run.
        expires: Duration,
    }
}

record! {
    /// Loads the certificate that lies on the disks, renewed or not, as nginx does when it is reloaded.
    Reload as "Reload" {
        /// The service.
        service: Name,
        /// When.
        at: Duration,
    }
}

record! {
    /// Empties a cache.
    Flush as "Flush" {
        /// The cache.
        cache: Name,
        /// When.
        at: Duration,
    }
}

record! {
    /// Takes one request of a load source out. Its number stays used, and all other requests come as they would; a user of a closed source goes on as
    /// after an answer that took no time. Nothing happens where the source's profile thins this number out, or does not come to it.
    DropRequest as "DropRequest" {
        /// The load source; a surge's too.
        source: Name,
        /// Number of the request within its source, as truth/requests has it: from 1.
        number: Count<1>,
    }
}
