//! placeholder
use crate::clock::Clock;
use crate::coordination::{Seen, Session};
pub(super) struct Leading;
impl Leading {
    pub(super) fn start(_session: Session, _clock: Clock) -> Self {
        Self
    }
    pub(super) fn resign(&mut self) {}
    pub(super) fn sighted(&self, _l: Option<Seen>, _s: Option<Seen>) {}
}
