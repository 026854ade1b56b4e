//! A value that many tasks look at and wait for, like `tokio::sync::watch`, with one difference:
//! whoever waits is woken in the order in which it began to wait.
//!
//! tokio's channel wakes in a random order, which costs less under contention. Here the order is the
//! order in which clients hear of things, and a simulation must be able to repeat it.
//!
//! Reading takes a lock for as long as the [`Ref`] lives; nothing is awaited meanwhile.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use tokio::sync::Notify;

/// The side that changes the value. When it is dropped, whoever waits is told so.
#[derive(Debug)]
pub(crate) struct Sender<T>(Arc<Shared<T>>);

/// A side that looks, and knows what it has seen.
#[derive(Debug)]
pub(crate) struct Receiver<T> {
    shared: Arc<Shared<T>>,
    seen: u64,
}

/// The value at the moment.
pub(crate) struct Ref<'a, T>(RwLockReadGuard<'a, Posted<T>>);

/// The sender is gone, so nothing will ever change.
#[derive(Debug)]
pub(crate) struct Closed;

#[derive(Debug)]
struct Shared<T> {
    posted: RwLock<Posted<T>>,
    changed: Notify,
}

#[derive(Debug)]
struct Posted<T> {
    value: T,
    version: u64,
    closed: bool,
}

impl<T> Shared<T> {
    // A reader or writer that panicked left a whole value: it is replaced or changed in one call.
    fn read(&self) -> Ref<'_, T> {
        Ref(self.posted.read().unwrap_or_else(PoisonError::into_inner))
    }

    async fn until(&self, wanted: impl Fn(&Posted<T>) -> bool) -> Result<Ref<'_, T>, Closed> {
        loop {
            // Listens before it looks, so that nothing is missed in between.
            let changed = self.changed.notified();
            {
                let posted = self.read();
                if wanted(&posted.0) {
                    return Ok(posted);
                }
                if posted.0.closed {
                    return Err(Closed);
                }
            }
            changed.await;
        }
    }

    /// Changes something and wakes everybody, if it was changed.
    fn write(&self, change: impl FnOnce(&mut Posted<T>) -> bool) {
        let mut posted = self.posted.write().unwrap_or_else(PoisonError::into_inner);
        let changed = change(&mut posted);
        drop(posted);
        if changed {
            self.changed.notify_waiters();
        }
    }
}

impl<T> Sender<T> {
    pub(crate) fn new(value: T) -> Self {
        let posted = Posted {
            value,
            version: 0,
            closed: false,
        };
        Self(Arc::new(Shared {
            posted: RwLock::new(posted),
            changed: Notify::new(),
        }))
    }

    pub(crate) fn borrow(&self) -> Ref<'_, T> {
        self.0.read()
    }

    /// A receiver that has seen the present value.
    pub(crate) fn subscribe(&self) -> Receiver<T> {
        let seen = self.borrow().0.version;
        let shared = Arc::clone(&self.0);
        Receiver { shared, seen }
    }

    pub(crate) fn send_modify(&self, change: impl FnOnce(&mut T)) {
        self.send_if_modified(|value| {
            change(value);
            true
        });
    }

    pub(crate) fn send_if_modified(&self, change: impl FnOnce(&mut T) -> bool) {
        self.0.write(|posted| {
            let changed = change(&mut posted.value);
            posted.version += u64::from(changed);
            changed
        });
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.0.write(|posted| {
            posted.closed = true;
            true
        });
    }
}

impl<T> Receiver<T> {
    pub(crate) fn borrow(&self) -> Ref<'_, T> {
        self.shared.read()
    }

    pub(crate) fn borrow_and_update(&mut self) -> Ref<'_, T> {
        let now = self.shared.read();
        self.seen = now.0.version;
        now
    }

    /// Completes when there is a value that was not seen. Cancel safe.
    pub(crate) async fn changed(&mut self) -> Result<(), Closed> {
        let seen = self.seen;
        let found = self.shared.until(|posted| posted.version > seen).await?;
        self.seen = found.0.version;
        Ok(())
    }

    /// Completes when the value is as wanted, which it may be already. Cancel safe.
    pub(crate) async fn wait_for(
        &mut self,
        wanted: impl Fn(&T) -> bool,
    ) -> Result<Ref<'_, T>, Closed> {
        let found = self.shared.until(|posted| wanted(&posted.value)).await?;
        self.seen = found.0.version;
        Ok(found)
    }
}

impl<T> std::ops::Deref for Ref<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0.value
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[tokio::test]
    async fn whoever_waited_first_is_woken_first() {
        let sender = Sender::new(0);
        let woken = Arc::new(Mutex::new(Vec::new()));
        let waiting: Vec<_> = (0..40)
            .map(|task| {
                let (mut receiver, woken) = (sender.subscribe(), Arc::clone(&woken));
                tokio::spawn(async move {
                    receiver.wait_for(|value| *value > 0).await.unwrap();
                    woken.lock().unwrap().push(task);
                })
            })
            .collect();
        tokio::task::yield_now().await;
        sender.send_modify(|value| *value = 1);
        for task in waiting {
            task.await.unwrap();
        }
        assert_eq!(*woken.lock().unwrap(), (0..40).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn a_change_is_seen_once_and_the_end_is_told() {
        let sender = Sender::new(0);
        let mut receiver = sender.subscribe();
        sender.send_modify(|value| *value = 1);
        sender.send_if_modified(|_| false);
        receiver.changed().await.unwrap();
        assert_eq!(*receiver.borrow(), 1);
        drop(sender);
        assert!(receiver.changed().await.is_err());
        assert!(receiver.wait_for(|value| *value == 2).await.is_err());
        assert!(receiver.wait_for(|value| *value == 1).await.is_ok());
    }
}
