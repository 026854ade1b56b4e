//! The fence at a real PostgreSQL: whatever the order of the steps and the isolation level, an
//! earlier holder's transaction commits before a later one begins, or not at all.

#![allow(clippy::unwrap_used, reason = "a test that fails should say where")]

use std::sync::Arc;
use std::time::Duration;

use process_runner::postgres::{FenceError, HELD, PgFence, create_fences};
use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, Executor, PgConnection, PgPool};
use tests::postgres::Postgres;
use tokio::task::JoinHandle;

const READ_COMMITTED: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";
const REPEATABLE_READ: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ";
const SERIALIZABLE: &str = "BEGIN ISOLATION LEVEL SERIALIZABLE";
const LEVELS: [&str; 3] = [READ_COMMITTED, REPEATABLE_READ, SERIALIZABLE];

/// A database with the table of fences and one for the work. A slot for each test.
struct Setting {
    pool: PgPool,
    _server: Postgres,
}

impl Setting {
    async fn new() -> Self {
        let server = Postgres::start().unwrap();
        let url = server.database("fences").unwrap();
        let options = PgPoolOptions::new().max_connections(20);
        let pool = options.connect(&url).await.unwrap();
        create_fences(&pool).await.unwrap();
        pool.execute("CREATE TABLE effects (id BIGSERIAL, job TEXT, fence BIGINT)")
            .await
            .unwrap();
        Self {
            pool,
            _server: server,
        }
    }

    /// Which fences have left an effect for the job, in order.
    async fn effects(&self, job: &str) -> Vec<i64> {
        sqlx::query_scalar("SELECT fence FROM effects WHERE job = $1 ORDER BY fence")
            .bind(job)
            .fetch_all(&self.pool)
            .await
            .unwrap()
    }

    /// Returns once some session of this database waits for a lock, as the server itself says.
    async fn until_somebody_waits(&self) {
        let waits = "SELECT count(*) FROM pg_stat_activity
                     WHERE datname = current_database() AND wait_event_type = 'Lock'";
        let asking = async {
            while sqlx::query_scalar::<_, i64>(waits)
                .fetch_one(&self.pool)
                .await
                .unwrap()
                == 0
            {
                tokio::task::yield_now().await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(60), asking).await;
        assert!(waited.is_ok(), "nobody waits for a lock");
    }
}

fn fence(job: &str, number: u64) -> PgFence {
    PgFence::new(job, 2, number)
}

async fn work(db: &mut PgConnection, fence: &PgFence) -> Result<(), sqlx::Error> {
    sqlx::query("INSERT INTO effects (job, fence) VALUES ($1, $2)")
        .bind(fence.job())
        .bind(fence.number())
        .execute(db)
        .await
        .map(drop)
}

/// The work as one statement. True if it took place.
async fn work_at_once(pool: &PgPool, fence: &PgFence) -> Result<bool, sqlx::Error> {
    let sql = format!(
        "WITH held AS ({HELD}), work AS (
             INSERT INTO effects (job, fence) SELECT $1, $3 FROM held RETURNING 1)
         SELECT (SELECT count(*) FROM work) FROM held"
    );
    let held: Option<i64> = sqlx::query_scalar(AssertSqlSafe(sql))
        .bind(fence.job())
        .bind(fence.worker_index())
        .bind(fence.number())
        .fetch_optional(pool)
        .await?;
    Ok(held.is_some())
}

/// The text of a refusal that names job, index and both fences.
fn is_superseded(error: &FenceError, job: &str, fence: u64, found: u64) {
    let text = error.to_string();
    assert!(matches!(error, FenceError::Superseded { .. }), "{text}");
    for part in [
        format!("{job}@2"),
        format!("fence {fence}"),
        format!("seen {found}"),
    ] {
        assert!(text.contains(&part), "no `{part}` in: {text}");
    }
}

#[tokio::test]
async fn a_holder_that_was_taken_over_cannot_begin() {
    let setting = Setting::new().await;
    let (old, new) = (fence("begin", 731), fence("begin", 812));
    old.advance(&setting.pool).await.unwrap();
    old.advance(&setting.pool).await.unwrap();
    old.begin(&setting.pool)
        .await
        .unwrap()
        .commit()
        .await
        .unwrap();
    new.advance(&setting.pool).await.unwrap();
    for level in LEVELS {
        let refused = old.begin_with(&setting.pool, level).await.unwrap_err();
        is_superseded(&refused, "begin", 731, 812);
        let mut tx = new.begin_with(&setting.pool, level).await.unwrap();
        work(&mut tx, &new).await.unwrap();
        tx.commit().await.unwrap();
    }
    let refused = old.advance(&setting.pool).await.unwrap_err();
    is_superseded(&refused, "begin", 731, 812);
    new.check(&setting.pool).await.unwrap();
    assert_eq!(setting.effects("begin").await, [812, 812, 812]);
}

/// Old checks, new advances, old commits: the advance waits for that commit.
#[tokio::test]
async fn a_later_holder_waits_for_what_was_checked_before() {
    let setting = Setting::new().await;
    for (at, level) in LEVELS.into_iter().enumerate() {
        let job = format!("wait-{at}");
        let (old, new) = (fence(&job, 1), fence(&job, 2));
        old.advance(&setting.pool).await.unwrap();
        let mut tx = old.begin_with(&setting.pool, level).await.unwrap();

        let advancing = spawn_advance(&setting.pool, &new);
        setting.until_somebody_waits().await;
        work(&mut tx, &old).await.unwrap();
        tx.commit().await.unwrap();
        advancing.await.unwrap().unwrap();

        assert_eq!(setting.effects(&job).await, [1], "{level}");
        let refused = old.begin_with(&setting.pool, level).await.unwrap_err();
        is_superseded(&refused, &job, 1, 2);
    }
}

/// Old begins and reads, new advances, old works and checks: refused, and nothing stays.
#[tokio::test]
async fn a_transaction_that_began_before_the_takeover_is_refused_by_its_check() {
    let setting = Setting::new().await;
    for (at, level) in LEVELS.into_iter().enumerate() {
        let job = format!("late-{at}");
        let (old, new) = (fence(&job, 1), fence(&job, 2));
        old.advance(&setting.pool).await.unwrap();
        let mut tx = setting.pool.begin_with(level).await.unwrap();
        // The snapshot of the stricter levels is taken here.
        tx.execute("SELECT count(*) FROM effects").await.unwrap();

        new.advance(&setting.pool).await.unwrap();
        work(&mut tx, &old).await.unwrap();
        let refused = old.check(&mut *tx).await.unwrap_err();
        if level == READ_COMMITTED {
            is_superseded(&refused, &job, 1, 2);
        } else {
            assert!(matches!(refused, FenceError::Changed { .. }), "{refused}");
            assert!(refused.to_string().contains(&format!("{job}@2")));
        }
        // Whoever overlooks the error and goes on cannot commit at these levels either; at the
        // default one the error is all there is, so the transaction is rolled back here.
        tx.rollback().await.unwrap();
        assert_eq!(setting.effects(&job).await, [0_i64; 0], "{level}");
    }
}

/// New advances and has not committed yet, old begins: it waits, and is then refused by name.
#[tokio::test]
async fn whoever_begins_during_the_takeover_is_told_by_whom() {
    let setting = Setting::new().await;
    for (at, level) in LEVELS.into_iter().enumerate() {
        let job = format!("during-{at}");
        let (old, new) = (fence(&job, 1), fence(&job, 2));
        old.advance(&setting.pool).await.unwrap();
        let mut takeover = setting.pool.begin().await.unwrap();
        sqlx::query("UPDATE process_runner_fences SET fence = $2 WHERE job = $1")
            .bind(new.job())
            .bind(new.number())
            .execute(&mut *takeover)
            .await
            .unwrap();

        let beginning = tokio::spawn({
            let (old, pool) = (old.clone(), setting.pool.clone());
            async move { old.begin_with(&pool, level).await.map(drop) }
        });
        setting.until_somebody_waits().await;
        takeover.commit().await.unwrap();
        is_superseded(&beginning.await.unwrap().unwrap_err(), &job, 1, 2);
    }
}

/// The same for the form in one statement, at the level it is for.
#[tokio::test]
async fn one_statement_is_fenced_like_a_transaction() {
    let setting = Setting::new().await;
    let (old, new) = (fence("once", 1), fence("once", 2));
    assert!(!work_at_once(&setting.pool, &old).await.unwrap());
    old.advance(&setting.pool).await.unwrap();
    assert!(work_at_once(&setting.pool, &old).await.unwrap());
    let early = work_at_once(&setting.pool, &new).await.unwrap();
    assert!(!early, "it works before it advanced");

    let mut takeover = setting.pool.begin().await.unwrap();
    sqlx::query("UPDATE process_runner_fences SET fence = 2 WHERE job = 'once'")
        .execute(&mut *takeover)
        .await
        .unwrap();
    let working = tokio::spawn({
        let (old, pool) = (old.clone(), setting.pool.clone());
        async move { work_at_once(&pool, &old).await }
    });
    setting.until_somebody_waits().await;
    takeover.commit().await.unwrap();
    assert!(!working.await.unwrap().unwrap());
    is_superseded(&old.check(&setting.pool).await.unwrap_err(), "once", 1, 2);
    assert!(work_at_once(&setting.pool, &new).await.unwrap());
    assert_eq!(setting.effects("once").await, [1, 2]);
}

/// Many holdings after each other, each with workers that go on for as long as they are let. What
/// the earlier ones have done is complete at the moment of each takeover.
#[tokio::test]
async fn nothing_of_an_earlier_holding_commits_after_a_later_one_advanced() {
    const HOLDINGS: u64 = 12;
    let setting = Arc::new(Setting::new().await);
    let mut workers: Vec<JoinHandle<()>> = Vec::new();
    let mut seen = Vec::new();
    for number in 1..=HOLDINGS {
        let holder = fence("storm", number);
        holder.advance(&setting.pool).await.unwrap();
        seen.push(setting.effects("storm").await);
        workers.extend(LEVELS.map(|level| {
            let (holder, setting) = (holder.clone(), Arc::clone(&setting));
            tokio::spawn(async move { while work_once(&setting.pool, &holder, level).await {} })
        }));
        while !setting.effects("storm").await.contains(&(number as i64)) {
            tokio::task::yield_now().await;
        }
    }
    fence("storm", HOLDINGS + 1)
        .advance(&setting.pool)
        .await
        .unwrap();
    for worker in workers {
        worker.await.unwrap();
    }
    let all = setting.effects("storm").await;
    for (at, seen) in seen.into_iter().enumerate() {
        let before: Vec<_> = all.iter().copied().filter(|f| *f <= at as i64).collect();
        assert_eq!(before, seen, "at the takeover by {}", at + 1);
    }
}

/// One fenced transaction. False once the slot is lost; whatever else happens is tried again.
async fn work_once(pool: &PgPool, fence: &PgFence, level: &'static str) -> bool {
    let mut tx = match fence.begin_with(pool, level).await {
        Ok(tx) => tx,
        Err(FenceError::Superseded { .. }) => return false,
        Err(error) => panic!("{error}: {:?}", std::error::Error::source(&error)),
    };
    work(&mut tx, fence).await.unwrap();
    tokio::task::yield_now().await;
    tx.commit().await.unwrap();
    true
}

#[tokio::test]
async fn what_is_missing_is_said_with_what_to_do() {
    let server = Postgres::start().unwrap();
    let pool = PgPool::connect(&server.database("empty").unwrap())
        .await
        .unwrap();
    let fence = fence("new", 5);
    let missing = fence.advance(&pool).await.unwrap_err().to_string();
    assert!(missing.contains("create_fences"), "{missing}");

    let creating: Vec<_> = (0..8)
        .map(|_| {
            tokio::spawn({
                let pool = pool.clone();
                async move { create_fences(&pool).await }
            })
        })
        .collect();
    for created in creating {
        created.await.unwrap().unwrap();
    }
    let missing = fence.begin(&pool).await.unwrap_err().to_string();
    assert!(
        missing.contains("`PgFence::advance` in `prepare`"),
        "{missing}"
    );
    let ahead = PgFence::new("new", 1, 0).advance(&pool).await.unwrap_err();
    assert!(matches!(ahead, FenceError::NotHeld { .. }), "{ahead}");
    let greatest = PgFence::new("new", u32::MAX, i64::MAX as u64);
    greatest.advance(&pool).await.unwrap();
    greatest.check(&pool).await.unwrap();
}

fn spawn_advance(pool: &PgPool, fence: &PgFence) -> JoinHandle<Result<(), FenceError>> {
    let (pool, fence) = (pool.clone(), fence.clone());
    tokio::spawn(async move { fence.advance(&pool).await })
}
