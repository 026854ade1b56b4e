//! Users, alarms and space of an etcd under test, by a client of the test's own.

use std::io;

use etcd_client::{
    AlarmAction, AlarmOptions, AlarmType, Certificate, Client, CompactionOptions, ConnectOptions,
    Identity, Permission, PutOptions, TlsOptions,
};

use super::Etcd;

/// Who may do everything.
const ROOT: (&str, &str) = ("root", "the test's own");

impl Etcd {
    /// Lets nobody in but users: the test itself, and `user`, who may read and write below `prefix`.
    ///
    /// # Errors
    ///
    /// What etcd said.
    pub async fn enable_users(&self, user: (&str, &str), prefix: &str) -> io::Result<()> {
        let mut client = self.client(None).await?;
        let steps = async {
            for (name, password) in [ROOT, user] {
                client.user_add(name, password, None).await?;
                client.role_add(name).await?;
                client.user_grant_role(name, name).await?;
            }
            let below = Permission::read_write(prefix).with_prefix();
            client.role_grant_permission(user.0, below).await?;
            client.auth_enable().await.map(drop)
        };
        steps.await.map_err(io::Error::other)
    }

    /// Changes something about users, so that every token of this revision is out of date.
    ///
    /// # Errors
    ///
    /// What etcd said.
    pub async fn add_role(&self, name: &str) -> io::Result<()> {
        let mut client = self.client(Some(ROOT)).await?;
        client
            .role_add(name)
            .await
            .map(drop)
            .map_err(io::Error::other)
    }

    /// Gives `user` another password, which ends all of its tokens.
    ///
    /// # Errors
    ///
    /// What etcd said.
    pub async fn change_password(&self, user: &str, password: &str) -> io::Result<()> {
        let mut client = self.client(Some(ROOT)).await?;
        let changed = client.user_change_password(user, password).await;
        changed.map(drop).map_err(io::Error::other)
    }

    /// Writes until there is no space left.
    ///
    /// # Errors
    ///
    /// Anything that etcd says but that.
    pub async fn fill(&self) -> io::Result<()> {
        let mut client = self.client(None).await?;
        loop {
            let put = client.put("/filler", vec![b'x'; 1 << 20], None::<PutOptions>);
            match put.await {
                Ok(_) => {}
                Err(error) if error.to_string().contains("space exceeded") => return Ok(()),
                Err(error) => return Err(io::Error::other(error)),
            }
        }
    }

    /// Makes space again and disarms the alarm, as an operator would.
    ///
    /// # Errors
    ///
    /// What etcd said.
    pub async fn make_space(&self) -> io::Result<()> {
        let mut client = self.client(None).await?;
        let steps = async {
            client.delete("/filler", None).await?;
            let revision = client.get("/filler", None).await?;
            let revision = revision.header().map_or(0, |header| header.revision());
            let physical = CompactionOptions::new().with_physical();
            client.compact(revision, Some(physical)).await?;
            client.defragment().await?;
            let armed = client
                .alarm(AlarmAction::Get, AlarmType::Nospace, None)
                .await?;
            for alarm in armed.alarms() {
                let mut member = AlarmOptions::new();
                member.with_member(alarm.member_id());
                client
                    .alarm(AlarmAction::Deactivate, AlarmType::Nospace, Some(member))
                    .await?;
            }
            Ok::<_, etcd_client::Error>(())
        };
        steps.await.map_err(io::Error::other)
    }

    pub(super) async fn client(&self, user: Option<(&str, &str)>) -> io::Result<Client> {
        let mut options = ConnectOptions::new();
        if let Some((name, password)) = user {
            options = options.with_user(name, password);
        }
        if let Some(tls) = &self.options.tls {
            let own = Identity::from_pem(
                std::fs::read(&tls.client.cert)?,
                std::fs::read(&tls.client.key)?,
            );
            let ca = Certificate::from_pem(std::fs::read(&tls.ca)?);
            options = options.with_tls(TlsOptions::new().ca_certificate(ca).identity(own));
        }
        let client = Client::connect(self.endpoints(), Some(options)).await;
        client.map_err(io::Error::other)
    }
}
