//! How often things may be tried, and how long they last.

use std::time::Duration;

use crate::support::{PASSWORD, Service, new_email, new_user, problem_of};
use bookstore_runtime::testing::{TestDatabase, on_each_database};
use bookstore_runtime::time::unix_ms;
use bookstore_runtime::{Call, Db};
use bookstore_user::MIGRATIONS;
use reqwest::{Method, Response, StatusCode};
use serde_json::json;

#[tokio::test]
async fn an_account_is_shut_for_a_while_whether_it_exists_or_not() {
    let database = TestDatabase::sqlite();
    let service = Service::start_with(&database, &[("BOOKSTORE_LOGIN_FAILURES_PER_ACCOUNT", "3")]).await;
    let email = new_email();
    service.register(&email).await;
    let mut refusals = Vec::new();
    for email in [email.as_str(), "stranger@example.org"] {
        for _ in 0..3 {
            let response = service.log_in(email, "a wrong password").await;
            assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        }
        for password in ["a wrong password", PASSWORD] {
            let response = service.log_in(&email.to_uppercase(), password).await;
            assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS, "the right password is no way around it");
            let wait: u64 = response.headers()["retry-after"].to_str().unwrap().parse().unwrap();
            // A third of 15 minutes, less what the tries took.
            assert!((200..=300).contains(&wait), "{wait}");
            refusals.push(problem_of(response).await.title().to_owned());
        }
    }
    assert!(refusals.windows(2).all(|pair| pair[0] == pair[1]));

    let other = new_email();
    service.register(&other).await;
    service.token(&other).await;
    service.stop().await;
}

#[tokio::test]
async fn log_ins_that_succeed_do_not_count() {
    let database = TestDatabase::sqlite();
    let service = Service::start_with(&database, &[("BOOKSTORE_LOGIN_FAILURES_PER_ACCOUNT", "3")]).await;
    let email = new_email();
    service.register(&email).await;
    for _ in 0..10 {
        service.token(&email).await;
    }
    for _ in 0..2 {
        assert_eq!(service.log_in(&email, "a wrong password").await.status(), StatusCode::UNAUTHORIZED);
    }
    service.token(&email).await;
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_made_at_once_do_not_get_past_the_limit() {
    let database = TestDatabase::sqlite();
    let service = Service::start_with(&database, &[("BOOKSTORE_LOGIN_FAILURES_PER_ACCOUNT", "3")]).await;
    let email = new_email();
    service.register(&email).await;
    let guesses = (0..40).map(|_| service.log_in(&email, "a wrong password"));
    let answers = futures_util::future::join_all(guesses).await;
    let looked_at = answers.iter().filter(|answer| answer.status() == StatusCode::UNAUTHORIZED).count();
    assert_eq!(looked_at, 3);
    let refused = answers.iter().filter(|answer| answer.status() == StatusCode::TOO_MANY_REQUESTS).count();
    assert_eq!(refused, 37);
    service.stop().await;
}

#[tokio::test]
async fn an_address_is_believed_only_when_told_so() {
    let database = TestDatabase::sqlite();
    let settings = [
        ("BOOKSTORE_TRUST_FORWARDED_FOR", "true"),
        ("BOOKSTORE_LOGIN_FAILURES_PER_ADDRESS", "2"),
        ("BOOKSTORE_REGISTRATIONS_PER_MINUTE_PER_ADDRESS", "2"),
    ];
    let service = Service::start_with(&database, &settings).await;
    for (forwarded_for, status) in [
        ("192.0.2.1", StatusCode::CREATED),
        ("192.0.2.1", StatusCode::CREATED),
        ("192.0.2.1", StatusCode::TOO_MANY_REQUESTS),
        ("192.0.2.9, 192.0.2.1", StatusCode::TOO_MANY_REQUESTS),
        ("192.0.2.1, 192.0.2.2", StatusCode::CREATED),
        ("2001:db8::1", StatusCode::CREATED),
        ("nonsense", StatusCode::CREATED),
    ] {
        let response = from(&service, "/users", forwarded_for, &new_user(&new_email())).await;
        assert_eq!(response.status(), status, "{forwarded_for}");
    }
    for (forwarded_for, status) in [
        ("192.0.2.1", StatusCode::UNAUTHORIZED),
        ("192.0.2.1", StatusCode::UNAUTHORIZED),
        ("192.0.2.1", StatusCode::TOO_MANY_REQUESTS),
        ("192.0.2.2", StatusCode::UNAUTHORIZED),
    ] {
        let body = json!({ "email": new_email(), "password": "a wrong password" });
        let response = from(&service, "/sessions", forwarded_for, &body).await;
        assert_eq!(response.status(), status, "{forwarded_for}");
    }
    service.stop().await;

    let service = Service::start(&database).await;
    for _ in 0..20 {
        let response = from(&service, "/users", "192.0.2.1", &new_user(&new_email())).await;
        assert_eq!(response.status(), StatusCode::CREATED, "one load machine is not shut out");
    }
    service.stop().await;
}

#[tokio::test]
async fn registrations_are_limited_all_told() {
    let database = TestDatabase::sqlite();
    let service = Service::start_with(&database, &[("BOOKSTORE_REGISTRATIONS_PER_MINUTE", "2")]).await;
    let email = new_email();
    service.register(&email).await;
    let wrong = service.post("/users", &json!({ "email": "x", "password": "y", "name": "" })).await;
    assert_eq!(wrong.status(), StatusCode::UNPROCESSABLE_ENTITY, "a slip of the pen does not count");
    assert_eq!(service.post("/users", &new_user(&email)).await.status(), StatusCode::CONFLICT);
    let refused = service.post("/users", &new_user(&new_email())).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(refused.headers().contains_key("retry-after"));
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_can_wait_are_shed_and_the_rest_are_served() {
    let database = TestDatabase::sqlite();
    let settings = [
        ("BOOKSTORE_HASHES_AT_ONCE", "1"),
        ("BOOKSTORE_HASHES_WAITING", "2"),
        ("BOOKSTORE_ARGON2_MEMORY_KIB", "19456"),
    ];
    let service = Service::start_with(&database, &settings).await;
    let bodies: Vec<_> = (0..30).map(|_| new_user(&new_email())).collect();
    let answers = futures_util::future::join_all(bodies.iter().map(|body| service.post("/users", body))).await;
    let created = answers.iter().filter(|answer| answer.status() == StatusCode::CREATED).count();
    let shed: Vec<&Response> =
        answers.iter().filter(|answer| answer.status() == StatusCode::SERVICE_UNAVAILABLE).collect();
    assert!(created >= 3, "{created}");
    assert!(!shed.is_empty());
    assert_eq!(created + shed.len(), 30);
    assert!(shed.iter().all(|answer| answer.headers().contains_key("retry-after")));
    service.stop().await;
}

#[tokio::test]
async fn sessions_expire_and_are_removed() {
    on_each_database(|database| async move {
        let service = Service::start_with(&database, &[("BOOKSTORE_SESSION_DAYS", "1")]).await;
        let email = new_email();
        service.register(&email).await;
        let token = service.token(&email).await;
        let kept = service.token(&email).await;

        let db = Db::connect(&database.config, &MIGRATIONS).await.unwrap();
        let call = Call::new_root(Duration::from_secs(10));
        let now = unix_ms();
        let left: Vec<(i64,)> =
            sqlx::query_as("SELECT expires_at - created_at FROM sessions").fetch_all(db.run(&call)).await.unwrap();
        let day_ms = 24 * 60 * 60 * 1_000;
        assert_eq!(left, [(day_ms,), (day_ms,)]);

        let hash = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(&token));
        let done = sqlx::query("UPDATE sessions SET expires_at = $1 WHERE token_hash = $2")
            .bind(now - 1)
            .bind(&hash)
            .execute(db.run(&call))
            .await
            .unwrap();
        assert_eq!(done.rows_affected(), 1);
        let expired = service.with_token(Method::GET, "/sessions/current", &token).await;
        assert_eq!(expired.status(), StatusCode::UNAUTHORIZED);
        service.stop().await;

        // It sweeps when it starts.
        let service = Service::start(&database).await;
        loop {
            let (sessions,): (i64,) =
                sqlx::query_as("SELECT COUNT(*) FROM sessions").fetch_one(db.run(&call)).await.unwrap();
            if sessions == 1 {
                break;
            }
            tokio::task::yield_now().await;
        }
        let response = service.with_token(Method::GET, "/sessions/current", &kept).await;
        assert_eq!(response.status(), StatusCode::OK);
        db.close().await;
        service.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_dearer_password_replaces_a_cheap_one_at_log_in() {
    on_each_database(|database| async move {
        let email = new_email();
        let service = Service::start(&database).await;
        service.register(&email).await;
        let cheap = password_hash(&database).await;
        assert!(cheap.starts_with("$argon2id$v=19$m=1024,t=1,p=1$"), "{cheap}");
        service.stop().await;

        let service = Service::start_with(&database, &[("BOOKSTORE_ARGON2_PASSES", "3")]).await;
        assert_eq!(service.log_in(&email, "a wrong password").await.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(password_hash(&database).await, cheap);
        service.token(&email).await;
        let dearer = password_hash(&database).await;
        assert!(dearer.starts_with("$argon2id$v=19$m=1024,t=3,p=1$"), "{dearer}");
        service.token(&email).await;
        assert_eq!(password_hash(&database).await, dearer);
        service.stop().await;
    })
    .await;
}

async fn password_hash(database: &TestDatabase) -> String {
    let db = Db::connect(&database.config, &MIGRATIONS).await.unwrap();
    let call = Call::new_root(Duration::from_secs(10));
    let (hash,): (String,) = sqlx::query_as("SELECT password_hash FROM users").fetch_one(db.run(&call)).await.unwrap();
    db.close().await;
    hash
}

/// A request on behalf of an address.
async fn from(service: &Service, path: &str, forwarded_for: &str, body: &serde_json::Value) -> Response {
    let request = service.request(Method::POST, path).header("x-forwarded-for", forwarded_for);
    request.json(body).send().await.unwrap()
}
