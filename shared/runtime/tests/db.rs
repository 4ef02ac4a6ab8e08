//! One code path, two databases.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::time::Duration;

use bookstore_runtime::db::{self, DatabaseConfig};
use bookstore_runtime::testing::{TestDatabase, on_each_database};
use bookstore_runtime::{Call, Db};
use sqlx::migrate::Migrator;
use sqlx::{AssertSqlSafe, Connection as _};

static MIGRATIONS: Migrator = sqlx::migrate!("tests/migrations");

fn call() -> Call {
    Call::new_root(Duration::from_secs(30))
}

async fn open(database: &TestDatabase) -> Db {
    Db::connect(&database.config, &MIGRATIONS).await.unwrap()
}

async fn count(db: &Db, id: i64) -> Option<i64> {
    sqlx::query_scalar("SELECT count FROM things WHERE id = $1").bind(id).fetch_optional(db.run(&call())).await.unwrap()
}

#[tokio::test]
async fn a_database_is_made_and_opened_again() {
    on_each_database(|database| async move {
        let db = open(&database).await;
        assert!(db.is_ready().await);
        sqlx::query("INSERT INTO things (id, count) VALUES ($1, $2)")
            .bind(1_i64)
            .bind(7_i64)
            .execute(db.run(&call()))
            .await
            .unwrap();
        db.close().await;
        assert!(!db.is_ready().await);
        assert_eq!(count(&open(&database).await, 1).await, Some(7), "{}", database.name);
    })
    .await;
}

#[tokio::test]
async fn what_is_not_committed_is_undone() {
    on_each_database(|database| async move {
        let db = open(&database).await;
        let insert = |id: i64| sqlx::query("INSERT INTO things (id, count) VALUES ($1, 0)").bind(id);
        let mut dropped = db.begin(&call()).await.unwrap();
        insert(1).execute(dropped.run()).await.unwrap();
        drop(dropped);
        let mut kept = db.begin(&call()).await.unwrap();
        insert(2).execute(kept.run()).await.unwrap();
        kept.commit().await.unwrap();
        assert_eq!((count(&db, 1).await, count(&db, 2).await), (None, Some(0)), "{}", database.name);
    })
    .await;
}

#[tokio::test]
async fn writers_at_once_all_succeed() {
    on_each_database(|database| async move {
        let db = open(&database).await;
        sqlx::query("INSERT INTO things (id, count) VALUES (1, 0), (2, 0)").execute(db.run(&call())).await.unwrap();
        let writers = (0..64).map(|n| {
            let db = db.clone();
            tokio::spawn(async move {
                let add = || sqlx::query("UPDATE things SET count = count + 1 WHERE id = $1");
                // Half in a transaction of two statements, half alone.
                if n % 2 == 0 {
                    let mut tx = db.begin(&call()).await?;
                    add().bind(1_i64).execute(tx.run()).await?;
                    add().bind(2_i64).execute(tx.run()).await?;
                    tx.commit().await
                } else {
                    add().bind(1_i64).execute(db.run(&call())).await.map(drop)
                }
            })
        });
        for written in futures_util::future::join_all(writers).await {
            written.unwrap().unwrap();
        }
        assert_eq!((count(&db, 1).await, count(&db, 2).await), (Some(64), Some(32)), "{}", database.name);
    })
    .await;
}

#[tokio::test]
async fn a_broken_rule_is_an_error_that_does_not_pass_by_itself() {
    on_each_database(|database| async move {
        let db = open(&database).await;
        let broken = sqlx::query("INSERT INTO things (id, count) VALUES (1, -1)").execute(db.run(&call())).await;
        let error = broken.unwrap_err();
        assert!(!db::is_transient(&error), "{error}");
        let said = error.into_database_error().map(|database| database.is_check_violation());
        assert_eq!(said, Some(true), "{}", database.name);
    })
    .await;
}

/// The rule is looked at when the statement is committed: after its row has come.
#[tokio::test]
async fn a_row_that_a_write_returns_is_committed() {
    on_each_database(|database| async move {
        let db = open(&database).await;
        let table = "CREATE TABLE parts (thing BIGINT REFERENCES things (id) DEFERRABLE INITIALLY DEFERRED)";
        sqlx::query(table).execute(db.run(&call())).await.unwrap();
        let insert = "INSERT INTO parts (thing) VALUES (1) RETURNING thing";
        let broken = sqlx::query_scalar::<_, i64>(insert).fetch_optional(db.run(&call())).await;
        assert!(broken.is_err(), "{}: {broken:?}", database.name);
        let broken = sqlx::query_scalar::<_, i64>(insert).fetch_one(db.run(&call())).await;
        assert!(broken.is_err(), "{}: {broken:?}", database.name);
        sqlx::query("INSERT INTO things (id, count) VALUES (1, 0)").execute(db.run(&call())).await.unwrap();
        let kept = sqlx::query_scalar::<_, i64>(insert).fetch_optional(db.run(&call())).await.unwrap();
        assert_eq!(kept, Some(1), "{}", database.name);
    })
    .await;
}

/// As when a server was started again.
#[tokio::test]
async fn connections_that_the_server_has_closed_are_made_again() {
    const OTHERS: &str = "pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
    let Some(database) = TestDatabase::postgres().await else { return };
    let db = open(&database).await;
    let ask = || futures_util::future::join_all((0..4).map(|_| count(&db, 1)));
    assert_eq!(ask().await, [None; 4]);

    let mut server = sqlx::PgConnection::connect(database.config.url.expose()).await.unwrap();
    let rested = format!("SELECT COUNT(*) FROM {OTHERS} AND state_change > now() - interval '1500 ms'");
    let end = format!("SELECT COUNT(pg_terminate_backend(pid)) FROM {OTHERS}");
    for until_none in [rested, end] {
        while sqlx::query_scalar::<_, i64>(AssertSqlSafe(&*until_none)).fetch_one(&mut server).await.unwrap() > 0 {
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(ask().await, [None; 4]);
}

#[tokio::test]
async fn errors_never_show_the_url() {
    let config = DatabaseConfig::at("postgres://somebody:geheim@127.0.0.1:1/nothing");
    let error = Db::connect(&config, &MIGRATIONS).await.unwrap_err();
    assert!(!format!("{error} {error:?} {config:?}").contains("geheim"));
}
