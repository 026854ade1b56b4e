//! The leader's look at the ledger, for indexes that are to be unlocked once more. See `retire`.

use std::collections::BTreeSet;

use super::Office;
use super::work::Done;
use crate::coordination::{CallError, Session};
use crate::model::{Moment, Slot};
use crate::runtime::leader::orders::Orders;
use crate::runtime::leader::pass::Desk;
use crate::runtime::leader::picture::News;
use crate::runtime::leader::retire::Suspects;
use crate::runtime::leader::view::assemble;

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
            .spawn(async move { Done::Held(read(&session, suspects).await) });
    }

    /// Grants what is to be unlocked.
    pub(super) fn retire(&mut self, held: BTreeSet<Slot>) {
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

async fn read(session: &Session, suspects: Suspects) -> Result<BTreeSet<Slot>, CallError> {
    let Suspects::These(jobs) = suspects else {
        return session.read_held(None).await;
    };
    let mut held = BTreeSet::new();
    for job in jobs {
        held.append(&mut session.read_held(Some(&job)).await?);
    }
    Ok(held)
}
