//! The leader's look at the ledger: for indexes that are to be unlocked once more (see `retire`), and
//! for entries that say nothing any more.

use std::collections::BTreeSet;

use super::Office;
use super::work::Done;
use crate::coordination::{Batch, CallError, Session};
use crate::model::{Moment, Slot};
use crate::runtime::leader::orders::Orders;
use crate::runtime::leader::pass::Desk;
use crate::runtime::leader::picture::News;
use crate::runtime::leader::retire::Suspects;
use crate::runtime::leader::view::assemble;

/// What a look at the ledger came to.
#[derive(Debug, Default)]
pub(super) struct Audit {
    held: BTreeSet<Slot>,
    /// Only after the whole ledger was read: a shrink alone writes no more than it must.
    superseded: Vec<Batch>,
}

impl Office {
    /// A slot that went away and has no seat in the plan may have left something locked.
    pub(super) fn suspect(&mut self, news: &News, now: Moment) {
        let (Some(term), News::Owned { slot, by: None }) = (&mut self.term, news) else {
            return;
        };
        if slot.index as usize >= term.planned.seats(&slot.job).len() {
            term.retirement.suspect(&slot.job, now);
        }
    }

    /// Reads the ledger of the jobs that are suspect.
    pub(super) fn read_ledger(&mut self) {
        let Some(term) = &mut self.term else { return };
        let (session, suspects) = (self.session.clone(), term.retirement.take());
        self.work
            .spawn(async move { Done::Audited(read(&session, suspects).await) });
    }

    /// Grants what is to be unlocked, and collects what was superseded.
    pub(super) fn audited(&mut self, audit: Audit) {
        self.retire(audit.held);
        let (superseded, Some(term)) = (audit.superseded, &self.term) else {
            return;
        };
        if superseded.is_empty() {
            return;
        }
        let (session, number) = (self.session.clone(), term.number);
        self.work.spawn(async move {
            Done::Collected(session.collect_batches(number, &superseded).await)
        });
    }

    fn retire(&mut self, held: BTreeSet<Slot>) {
        let Some(term) = &mut self.term else { return };
        let desk = Desk {
            picture: &self.picture,
            configs: &self.configs,
            turnover: &self.turnover,
            now: self.clock.now(),
            unix_ms: self.clock.unix_ms(),
        };
        let ordered = term.order();
        let assembled = assemble(&desk.sources(&term.planned));
        let grants = term
            .retirement
            .grants(held, &assembled, &self.picture, ordered);
        if grants.is_empty() {
            return;
        }
        let orders = Orders {
            grants,
            ..Orders::default()
        };
        tracing::info!(
            granted = orders.granted(),
            "indexes beyond their jobs are to be unlocked"
        );
        let number = term.number;
        self.carry_out(number, orders);
    }
}

async fn read(session: &Session, suspects: Suspects) -> Result<Audit, CallError> {
    let mut audit = Audit::default();
    match suspects {
        Suspects::All => {
            let ledger = session.read_ledger(None).await?;
            audit.held = ledger.held();
            audit.superseded = ledger.superseded();
        }
        Suspects::These(jobs) => {
            for job in jobs {
                let ledger = session.read_ledger(Some(&job)).await?;
                audit.held.append(&mut ledger.held());
            }
        }
    }
    Ok(audit)
}
