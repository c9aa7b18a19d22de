//! Which DEKs need a job, and which may have come to their end: from the states of DEKs and the jobs there are.

use std::collections::HashMap;

use super::super::job::{ColumnName, Job, JobState, Kind};

/// A DEK that only opens. Times are in microseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Dek {
    pub(super) id: u32,
    /// When it was retired last, if it was: it has been taken back since, because values have turned up.
    pub(super) retired_at: Option<i64>,
}

/// What a decision is made of.
pub(super) struct Seen<'a> {
    /// DEKs that only open.
    pub(super) deprecated: &'a [Dek],
    /// All protected columns of the database.
    pub(super) columns: &'a [ColumnName],
    /// When the primary DEK began to seal, in microseconds since 1970: all others have stopped before.
    pub(super) primary_since: Option<i64>,
    /// May jobs that nobody starts by hand fire triggers?
    pub(super) allow_triggers: bool,
    /// Jobs up to this one say nothing about a DEK any more: values under it have turned up since.
    pub(super) outdated: &'a HashMap<u32, i64>,
    /// All re-encryptions, by ascending id.
    pub(super) jobs: &'a [Job],
}

impl Seen<'_> {
    /// The DEKs that a job has to be queued for now; empty: none.
    ///
    /// There is one such job at a time. One that somebody has paused or cancelled, or that has failed, is not
    /// made good by another: the next rotation brings the next.
    pub(super) fn to_queue(&self) -> Vec<u32> {
        let waits = |job: &Job| job.state.is_under_way() || job.state == JobState::Paused;
        if self.jobs.iter().any(|job| job.automatic && waits(job)) {
            return Vec::new();
        }
        if self.deprecated.iter().all(|dek| self.job_for(*dek).is_some()) {
            return Vec::new();
        }
        // What is read and written anyway is done for all of them. But a person's word stands.
        let left = |dek: &&Dek| self.job_for(**dek).is_none_or(|job| job.state == JobState::Failed);
        let mut deks: Vec<u32> = self.deprecated.iter().filter(left).map(|dek| dek.id).collect();
        deks.sort_unstable();
        deks
    }

    /// The DEKs of which jobs have left nothing that they could rewrite, with those jobs.
    pub(super) fn to_prove(&self) -> Vec<(u32, &Job)> {
        let done = |job: &&Job| matches!(job.state, JobState::Completed | JobState::CompletedWithUnrecoverable);
        self.deprecated.iter().filter_map(|dek| self.job_for(*dek).filter(done).map(|job| (dek.id, job))).collect()
    }

    /// The last job that was, or is, about all that this DEK may have sealed.
    fn job_for(&self, dek: Dek) -> Option<&Job> {
        self.jobs.iter().rev().find(|job| self.is_about(job, dek))
    }

    fn is_about(&self, job: &Job, dek: Dek) -> bool {
        let deks = match &job.deks {
            Some(deks) => deks.contains(&dek.id),
            // Those that were not primary when it began.
            None => self.primary_since.is_some_and(|since| job.created_at >= since),
        };
        // Somebody has changed the policy since, so it may go well now.
        let hindered = job.state == JobState::Failed && self.allow_triggers && !job.limits.allow_triggers;
        let counts = self.outdated.get(&dek.id).is_none_or(|last| job.id > *last)
            && dek.retired_at.is_none_or(|retired_at| job.created_at > retired_at);
        job.kind == Kind::Reencrypt
            && deks
            && counts
            && !hindered
            && self.columns.iter().all(|column| job.columns.contains(column))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;
    use crate::{config, sweep::Limits};

    fn column(name: &str) -> ColumnName {
        ColumnName { schema: "public".to_owned(), table: "people".to_owned(), column: name.to_owned() }
    }

    fn job(id: i64, state: JobState, deks: Option<&[u32]>) -> Job {
        Job {
            id,
            kind: Kind::Reencrypt,
            state,
            automatic: true,
            deks: deks.map(<[u32]>::to_vec),
            columns: vec![column("ssn"), column("email")],
            limits: Limits::of(&config::Sweep::default()),
            pass: 0,
            expected_rows: 0,
            expected_bytes: 0,
            reason: None,
            latency_before: None,
            actor: String::new(),
            created_at: id * 1000,
            started_at: None,
            ended_at: None,
        }
    }

    struct Case {
        deprecated: Vec<Dek>,
        columns: Vec<ColumnName>,
        primary_since: i64,
        allow_triggers: bool,
        outdated: HashMap<u32, i64>,
        jobs: Vec<Job>,
    }

    impl Case {
        fn of(deprecated: &[u32], jobs: Vec<Job>) -> Self {
            Self {
                deprecated: deprecated.iter().map(|id| Dek { id: *id, retired_at: None }).collect(),
                columns: vec![column("ssn"), column("email")],
                primary_since: 0,
                allow_triggers: false,
                outdated: HashMap::new(),
                jobs,
            }
        }

        fn seen(&self) -> Seen<'_> {
            Seen {
                deprecated: &self.deprecated,
                columns: &self.columns,
                primary_since: Some(self.primary_since),
                allow_triggers: self.allow_triggers,
                outdated: &self.outdated,
                jobs: &self.jobs,
            }
        }

        fn queues(&self) -> Vec<u32> {
            self.seen().to_queue()
        }

        fn proves(&self) -> Vec<(u32, i64)> {
            self.seen().to_prove().iter().map(|(dek, job)| (*dek, job.id)).collect()
        }
    }

    #[test]
    fn a_rotation_brings_one_job_for_all_earlier_deks() {
        let case = Case::of(&[9, 7], vec![]);
        assert_eq!(case.queues(), [7, 9]);
        assert_eq!(case.proves(), []);
        assert!(Case::of(&[], vec![]).queues().is_empty());
    }

    #[test]
    fn while_a_job_is_under_way_or_paused_no_other_is_queued() {
        for state in [JobState::Queued, JobState::Running, JobState::Proving, JobState::Paused] {
            assert!(Case::of(&[7, 9], vec![job(1, state, Some(&[7]))]).queues().is_empty(), "{state:?}");
        }
        let mut manual = job(1, JobState::Running, Some(&[7]));
        manual.automatic = false;
        assert_eq!(Case::of(&[7], vec![manual.clone()]).queues(), [] as [u32; 0]);
        assert_eq!(Case::of(&[7, 9], vec![manual]).queues(), [9]);
    }

    #[test]
    fn what_has_failed_or_was_cancelled_waits_for_the_next_rotation() {
        for state in [JobState::Failed, JobState::Cancelled] {
            let case = Case::of(&[7], vec![job(1, state, Some(&[7]))]);
            assert!(case.queues().is_empty() && case.proves().is_empty(), "{state:?}");
        }
        // The next rotation: what has failed is tried again, what somebody has cancelled is not.
        let jobs = vec![job(1, JobState::Failed, Some(&[5])), job(2, JobState::Cancelled, Some(&[7]))];
        assert_eq!(Case::of(&[5, 7, 9], jobs).queues(), [5, 9]);
    }

    #[test]
    fn a_policy_that_allows_triggers_now_brings_another_job() {
        let mut case = Case::of(&[7], vec![job(1, JobState::Failed, Some(&[7]))]);
        case.allow_triggers = true;
        assert_eq!(case.queues(), [7]);
        case.jobs[0].limits.allow_triggers = true;
        assert!(case.queues().is_empty());
    }

    #[test]
    fn completed_jobs_lead_to_proofs_of_their_deks_only() {
        let jobs = vec![
            job(1, JobState::Completed, Some(&[5])),
            job(2, JobState::CompletedWithUnrecoverable, Some(&[7])),
            job(3, JobState::Running, Some(&[9])),
        ];
        let case = Case::of(&[5, 7, 9], jobs);
        assert_eq!(case.proves(), [(5, 1), (7, 2)]);
        assert!(case.queues().is_empty());
    }

    #[test]
    fn a_job_of_some_columns_is_none_for_the_dek() {
        let mut case = Case::of(&[7], vec![job(1, JobState::Completed, Some(&[7]))]);
        case.columns.push(column("notes"));
        assert_eq!(case.queues(), [7]);
        assert_eq!(case.proves(), []);
    }

    #[test]
    fn a_manual_job_over_everything_counts_if_it_began_after_the_rotation() {
        let mut manual = job(4, JobState::Completed, None);
        manual.automatic = false;
        let mut case = Case::of(&[7], vec![manual]);
        case.primary_since = 3000;
        assert_eq!(case.proves(), [(7, 4)]);
        case.primary_since = 5000;
        assert_eq!(case.queues(), [7]);
    }

    #[test]
    fn a_dek_that_was_taken_back_into_service_gets_a_job_of_its_own() {
        let mut case = Case::of(&[5, 7], vec![job(1, JobState::Completed, Some(&[5, 7]))]);
        case.deprecated[1].retired_at = Some(1500);
        assert_eq!(case.queues(), [7]);
        assert_eq!(case.proves(), [(5, 1)]);
        case.jobs.push(job(2, JobState::Completed, Some(&[7])));
        assert!(case.queues().is_empty());
        assert_eq!(case.proves(), [(5, 1), (7, 2)]);
    }

    #[test]
    fn values_that_turned_up_after_a_job_bring_another() {
        let mut case = Case::of(&[5, 7], vec![job(1, JobState::Completed, Some(&[5, 7]))]);
        case.outdated.insert(7, 1);
        assert_eq!(case.queues(), [7]);
        assert_eq!(case.proves(), [(5, 1)]);
    }
}
