//! Many worlds: runs, contrasts, milestones, expectations.
