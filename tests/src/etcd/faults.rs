//! What can happen to an etcd: members that hang, die, come back, and forget.

use std::io;
use std::path::Path;

use rustix::process::{Pid, Signal, kill_process};

use super::Etcd;
use crate::program;

impl Etcd {
    /// Stops every member: from now on it answers nothing, until it is resumed.
    ///
    /// # Errors
    ///
    /// A member is gone.
    pub fn pause(&self) -> io::Result<()> {
        (0..self.members.len()).try_for_each(|member| self.pause_member(member))
    }

    /// Lets every member go on.
    ///
    /// # Errors
    ///
    /// A member is gone.
    pub fn resume(&self) -> io::Result<()> {
        (0..self.members.len()).try_for_each(|member| self.resume_member(member))
    }

    /// Stops one member.
    ///
    /// # Errors
    ///
    /// It is gone.
    pub fn pause_member(&self, member: usize) -> io::Result<()> {
        self.signal(member, Signal::STOP)
    }

    /// Lets it go on.
    ///
    /// # Errors
    ///
    /// It is gone.
    pub fn resume_member(&self, member: usize) -> io::Result<()> {
        self.signal(member, Signal::CONT)
    }

    fn signal(&self, member: usize, signal: Signal) -> io::Result<()> {
        let shell = Pid::from_child(&self.members[member].shell);
        for server in program::children(shell)? {
            kill_process(server, signal)?;
        }
        Ok(())
    }

    /// Kills one member.
    pub fn kill_member(&mut self, member: usize) {
        self.members[member].end();
    }

    /// Kills every member.
    pub fn kill(&mut self) {
        self.members.iter_mut().for_each(super::Member::end);
    }

    /// Starts a member that was killed, with the data it had.
    ///
    /// # Errors
    ///
    /// It does not start.
    pub fn start_member(&mut self, member: usize) -> io::Result<()> {
        self.members[member].shell = self.members[member].launch.run()?;
        Ok(())
    }

    /// Starts all members that were killed, with the data they had, and returns once all are healthy.
    ///
    /// # Errors
    ///
    /// One does not start.
    pub fn start_again(&mut self) -> io::Result<()> {
        (0..self.members.len()).try_for_each(|member| self.start_member(member))?;
        self.until_healthy()
    }

    /// Returns once all members say that they are healthy: that they have a leader, and commit.
    ///
    /// # Errors
    ///
    /// One does not become so.
    pub fn until_healthy(&self) -> io::Result<()> {
        self.members
            .iter()
            .try_for_each(super::Member::wait_until_healthy)
    }

    /// Deletes what the members know. They must have been killed.
    ///
    /// # Errors
    ///
    /// The files cannot be deleted.
    pub fn forget(&self) -> io::Result<()> {
        self.members
            .iter()
            .try_for_each(|member| std::fs::remove_dir_all(&member.launch.data))
    }

    /// Copies what the members know. They must have been killed.
    ///
    /// # Errors
    ///
    /// The files cannot be copied.
    pub fn back_up(&self) -> io::Result<()> {
        self.members.iter().try_for_each(|member| {
            let data = &member.launch.data;
            copy(data, &data.with_extension("backup"))
        })
    }

    /// Sets the members up from what was copied last. They must have been killed.
    ///
    /// # Errors
    ///
    /// There is no copy, or the files cannot be moved.
    pub fn restore(&self) -> io::Result<()> {
        self.forget()?;
        self.members.iter().try_for_each(|member| {
            let data = &member.launch.data;
            std::fs::rename(data.with_extension("backup"), data)
        })
    }

    /// Which member leads, as the members say.
    ///
    /// # Errors
    ///
    /// None does.
    pub fn leader(&self) -> io::Result<usize> {
        let leader = (0..self.members.len()).find(|member| self.leads(*member));
        leader.ok_or_else(|| io::Error::other("no member leads"))
    }

    /// Whether a member says that it leads the others.
    pub fn leads(&self, member: usize) -> bool {
        let metric = self.members[member].metric("etcd_server_is_leader");
        metric.is_ok_and(|leads| leads == 1.0)
    }
}

/// Copies a directory and all that is in it.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::create_dir(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to)?;
        } else {
            std::fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}
