//! The language: one table per struct and enum, in the order in which `sim schema scenario` prints them.
//!
//! The tables decode, check names of fields, print and document themselves (see [`crate::decode`]). What only makes sense
//! between several of them, such as references, is checked where they are compiled.

mod admission;
mod broker;
mod campaign;
mod expect;
mod fault;
mod law;
mod limit;
mod link;
mod load;
mod mix;
mod observer;
mod scenario;
mod service;
mod step;
mod store;
mod traffic;

pub(crate) use admission::{
    ClassText, DelayText, DroppedText, OrderText, OverflowText, QueueText, ScheduleText, StatusText, VictimText,
};
pub(crate) use broker::{
    AckText, BrokerText, ConsumerText, MessageOverflowText, MessageQueueText, OnFailureText, PublishText, RabbitMqText,
    TransportText,
};
pub(crate) use campaign::{CampaignText, KindText};
pub(crate) use expect::{Bound, ChainText, Expect, MeasureText, MilestoneText, MissText, ReproducesText, ValueText};
pub(crate) use fault::{ContrastText, Deploy, DropRequest, FaultText, HoldLock, HoldTable, SetText};
pub(crate) use law::{Law, RecordedText};
pub(crate) use limit::{ConcurrencyText, ExcessText, RateLimitText};
pub(crate) use link::{LinkText, Persistence};
pub(crate) use load::{ArrivalsText, BatchText, LoadText, ProfileText, ReplayText};
pub(crate) use mix::{ColumnMix, MixText};
pub(crate) use observer::{ClockText, DelayedText, LogsText, ObserverText, SpansText};
pub(crate) use scenario::{LimitsText, ScenarioText, SystemText};
pub(crate) use service::{
    CPythonText, CollectorText, ContentionText, DisciplineText, ExecutorText, HealthText, HeapText, MemoryText,
    OutOfMemory, PauseText, PoolFields, PoolText, PreforkText, ProbeText, QueuePoolFields, RejectionText, RestartText,
    RuntimeText, ServiceText, VacationText,
};
pub(crate) use step::{
    AbandonedText, AnswersText, BackoffText, Branch, CallText, EndpointText, JitterText, JoinText, ParallelText,
    RepeatText, RetryText, RunText, SeverityText, StepText,
};
pub(crate) use store::{
    CacheText, CommandText, DatabaseText, DiskText, EvictionText, ExpiryText, KeysText, LocalCacheText, LockModeText,
    PopularityText, PreloadText, QueryText, ReadsText, RowText,
};
pub(crate) use traffic::{BalanceText, BreakerText, BudgetText, BulkheadText, OutlierText, ThrottleText};
