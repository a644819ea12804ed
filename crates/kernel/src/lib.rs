//! Generic deterministic discrete-event simulation: time, calendar, addressed random draws, samplers, digests.
