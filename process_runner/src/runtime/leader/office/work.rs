//! What a leader works at, one thing at a time: surveys, configurations, passes. A standby keeps its
//! configurations at hand.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinError;

use super::Office;
use super::ledger::Audit;
use crate::coordination::{CallError, ConfigRecord, Guarded, Session, StoredConfig, StoredPlan};
use crate::model::Moment;
use crate::model::leading::Verdict;
use crate::runtime::leader::dispatch::{Carried, Joined, Outcome, carry_out};
use crate::runtime::leader::orders::Orders;
use crate::runtime::leader::pass::{Desk, pass};

/// After a read that etcd refused.
const READ_AGAIN: Duration = Duration::from_secs(1);

/// What was done.
pub(super) enum Done {
    /// Read what stands in etcd outside the planner's range.
    Surveyed(Result<Survey, CallError>),
    /// Read the configurations; these were looked for.
    Configured(
        Result<BTreeMap<String, StoredConfig>, CallError>,
        BTreeSet<String>,
    ),
    Carried(Carried),
    Collected(Result<Guarded<()>, CallError>),
    /// Read the ledger.
    Audited(Result<Audit, CallError>),
}

type Plans = BTreeMap<Arc<str>, StoredPlan>;
type Survey = (Plans, BTreeMap<String, StoredConfig>);

impl Office {
    /// Begins the next piece of work, if one is due.
    pub(super) fn begin_work(&mut self, now: Moment) {
        if now < self.work_due() {
            return;
        }
        let session = self.session.clone();
        match &self.term {
            Some(term) if term.survey_due(now) => {
                self.work
                    .spawn(async move { Done::Surveyed(survey(&session).await) });
            }
            _ if !self.unknown.is_empty() => {
                let unknown = self.unknown.clone();
                self.work.spawn(async move {
                    let configs = session.read_configs().await;
                    Done::Configured(configs, unknown)
                });
            }
            Some(_) if now >= self.pass_due() => self.pass(now),
            Some(_) => self.read_ledger(),
            None => {}
        }
    }

    /// When there will be something to do if nothing happens until then.
    pub(super) fn work_due(&self) -> Moment {
        let now = self.clock.now();
        if !self.work.is_empty() || !self.picture.complete || !self.posts.is_willing(now) {
            return Moment::NEVER;
        }
        let due = match &self.term {
            None if self.unknown.is_empty() => Moment::NEVER,
            None => Moment::ZERO,
            Some(_) if !self.sees_itself() => Moment::NEVER,
            Some(term) if !term.is_surveyed() => Moment::ZERO,
            Some(term) => self.pass_due().min(term.retirement.due()),
        };
        due.max(self.not_before)
    }

    fn pass_due(&self) -> Moment {
        let changes = self.term.as_ref().map_or(Moment::NEVER, |t| t.next_change);
        self.rhythm.due().min(changes)
    }

    /// The watch has delivered our own key: what it showed is no older than the term.
    fn sees_itself(&self) -> bool {
        let seen = self.picture.leader.as_ref().map(|holder| holder.created);
        self.term
            .as_ref()
            .is_some_and(|term| seen == Some(term.number))
    }

    /// Looks which configurations members name that are not known here.
    pub(super) fn look_for_unknown_configs(&mut self) {
        let named = self.picture.members.values().map(|m| &m.record.config);
        self.unknown = named
            .filter(|hash| !self.configs.contains_key(*hash))
            .cloned()
            .collect();
    }

    /// Plans, and begins to carry out what is to be written.
    fn pass(&mut self, now: Moment) {
        let Some(term) = &mut self.term else { return };
        self.rhythm.pass_begins(now);
        self.joined = Joined::default();
        term.next_change = Moment::NEVER;
        let unix_ms = self.clock.unix_ms();
        let desk = Desk {
            picture: &self.picture,
            configs: &self.configs,
            turnover: &self.turnover,
            now,
            unix_ms,
        };
        let pass = match pass(&desk, term, self.planner) {
            Ok(pass) => pass,
            Err(panic) => return self.failed(&format!("the planner panicked: {panic}")),
        };
        for job in pass.planned.shrunk_since(&term.planned) {
            term.retirement.suspect(&job, now);
        }
        term.planned = pass.planned;
        term.next_change = self.turnover.next_change(now);
        if let Some(resumes_at) = pass.resumes_at {
            let wait = Duration::from_millis(resumes_at.saturating_sub(unix_ms));
            term.next_change = term.next_change.min(now + wait);
        }
        if pass.orders.is_empty() {
            return self.rhythm.pass_succeeded();
        }
        let (plans, granted) = (pass.orders.plans.len(), pass.orders.granted());
        let (moves, unplaced) = (pass.orders.moves, pass.orders.unplaced);
        tracing::info!(
            term = term.number,
            plans,
            granted,
            moves,
            unplaced,
            "planned"
        );
        let number = term.number;
        self.carry_out(number, pass.orders);
    }

    /// Begins to write what a pass, or a look at the ledger, came to.
    pub(super) fn carry_out(&mut self, term: i64, orders: Orders) {
        let now = self.clock.now();
        if let Some(term) = &mut self.term {
            term.retirement.entered(orders.granted(), now);
        }
        let (session, joined) = (self.session.clone(), Arc::clone(&self.joined));
        self.work
            .spawn(async move { Done::Carried(carry_out(session, term, orders, joined).await) });
    }

    /// Takes in what was done.
    pub(super) fn on_done(&mut self, done: Result<Done, JoinError>) {
        match done {
            Ok(Done::Surveyed(Ok((plans, configs)))) => self.surveyed(plans, configs),
            Ok(Done::Configured(Ok(configs), asked)) => self.configured(configs, asked),
            Ok(Done::Carried(carried)) => self.carried(carried),
            Ok(Done::Collected(Ok(Guarded::Done(())))) => {}
            Ok(Done::Collected(Ok(Guarded::Deposed(posts)))) => self.sighted(posts),
            Ok(Done::Audited(Ok(audit))) => self.audited(audit),
            Ok(
                Done::Surveyed(Err(error))
                | Done::Audited(Err(error))
                | Done::Configured(Err(error), _)
                | Done::Collected(Err(error)),
            ) => {
                self.not_before = self.clock.now() + READ_AGAIN;
                self.failed(&error.to_string());
            }
            Err(error) => self.failed(&error.to_string()),
        }
    }

    /// Configurations that nobody names any more are collected, but not at the beginning of a term:
    /// there is more urgent work then.
    fn surveyed(&mut self, plans: Plans, configs: BTreeMap<String, StoredConfig>) {
        let Some(term) = &mut self.term else { return };
        let (number, is_audit) = (term.number, term.is_surveyed());
        term.surveyed(plans, self.clock.now());
        self.configs = configs;
        self.look_for_unknown_configs();
        let unnamed = self.unnamed_configs();
        if is_audit && !unnamed.is_empty() {
            let session = self.session.clone();
            self.work.spawn(async move {
                Done::Collected(session.collect_configs(number, &unnamed).await)
            });
        }
    }

    /// A configuration is put together with the member key that names it. So one that is no newer
    /// than the picture, and that no member of the picture names, was left behind.
    fn unnamed_configs(&self) -> Vec<(String, i64)> {
        let names = |hash: &String| {
            let mut members = self.picture.members.values();
            members.any(|member| member.record.config == *hash)
        };
        self.configs
            .iter()
            .filter(|(hash, config)| config.revision <= self.picture.revision && !names(hash))
            .map(|(hash, config)| (hash.clone(), config.revision))
            .collect()
    }

    fn configured(&mut self, configs: BTreeMap<String, StoredConfig>, asked: BTreeSet<String>) {
        self.configs.extend(configs);
        for hash in asked {
            self.configs.entry(hash).or_insert_with_key(|hash| {
                tracing::warn!(%hash, "a configuration is missing; its nodes count as declaring nothing");
                StoredConfig {
                    record: ConfigRecord {
                        jobs: BTreeMap::new(),
                    },
                    revision: 0,
                }
            });
        }
        self.look_for_unknown_configs();
    }

    fn carried(&mut self, carried: Carried) {
        let now = self.clock.now();
        if let Some(term) = &mut self.term {
            for (node, stands) in carried.plans {
                term.note(node, stands);
            }
            for slot in &carried.withheld {
                term.planned.forget(slot);
            }
            if !carried.withheld.is_empty() {
                term.retirement.doubt(&self.picture, now);
            }
        }
        match carried.outcome {
            Outcome::Done => self.rhythm.pass_succeeded(),
            Outcome::Deposed(posts) => self.sighted(posts),
            Outcome::Failed(CallError::NoSpace) => {
                tracing::error!(error = %CallError::NoSpace, "nothing can be planned");
                self.rhythm.pass_postponed(now);
            }
            // The lease of a node that is no longer there.
            Outcome::Outdated | Outcome::Failed(CallError::LeaseGone) => self.refused(now),
            Outcome::Failed(error) => self.failed(&error.to_string()),
        }
    }

    fn refused(&mut self, now: Moment) {
        let verdict = self.rhythm.pass_refused(now, fastrand::f64());
        tracing::debug!(?verdict, "the cluster changed while a plan was written");
        if let Some(term) = &mut self.term {
            term.retirement.doubt(&self.picture, now);
        }
        if verdict == Verdict::Resync {
            self.follow_range();
        }
    }

    fn failed(&mut self, reason: &str) {
        let now = self.clock.now();
        let verdict = self.rhythm.pass_failed(now, fastrand::f64());
        tracing::error!(reason, ?verdict, "a pass of the leader failed");
        if let Verdict::Resign(wait) = verdict {
            self.posts.willing_from(now + wait);
        }
    }
}

/// Reads what stands in etcd outside the planner's range. Cancel safe.
async fn survey(session: &Session) -> Result<Survey, CallError> {
    Ok((session.read_plans().await?, session.read_configs().await?))
}
