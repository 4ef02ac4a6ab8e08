//! Each route and each way it can answer, over real sockets, on both databases.

use crate::support::{PASSWORD, Service, json_of, new_email, new_user, problem_of, string};
use bookstore_runtime::testing::{TestDatabase, on_each_database};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

#[tokio::test]
async fn somebody_registers_logs_in_and_logs_out() {
    on_each_database(|database| async move {
        let service = Service::start(&database).await;
        let body = json!({ "email": " Ada@Example.org ", "password": PASSWORD, "name": " Ada " });
        let response = service.post("/users", &body).await;
        assert_eq!(response.status(), StatusCode::CREATED);
        let user = json_of(response).await;
        assert_eq!(user["email"], "ada@example.org");
        assert_eq!(user["name"], "Ada");
        assert_eq!(user.as_object().unwrap().len(), 3, "{user}");

        let response = service.log_in("ADA@example.org", PASSWORD).await;
        assert_eq!(response.status(), StatusCode::CREATED);
        let session = json_of(response).await;
        assert_eq!(session["user"], user);
        let (first, second) = (string(&session, "token"), service.token("ada@example.org").await);
        assert_ne!(first, second);

        for token in [&first, &second] {
            let response = service.with_token(Method::GET, "/sessions/current", token).await;
            assert_eq!(response.status(), StatusCode::OK);
            assert_eq!(json_of(response).await, user);
        }
        for _ in 0..2 {
            let response = service.with_token(Method::DELETE, "/sessions/current", &first).await;
            assert_eq!(response.status(), StatusCode::NO_CONTENT);
        }
        let gone = service.with_token(Method::GET, "/sessions/current", &first).await;
        assert_eq!(gone.status(), StatusCode::UNAUTHORIZED);
        let other = service.with_token(Method::GET, "/sessions/current", &second).await;
        assert_eq!(other.status(), StatusCode::OK, "the other session is another's business");
        service.stop().await;
    })
    .await;
}

#[tokio::test]
async fn an_email_address_has_one_account() {
    on_each_database(|database| async move {
        let service = Service::start(&database).await;
        service.register("ada@example.org").await;
        let again = service.post("/users", &new_user("ADA@EXAMPLE.ORG ")).await;
        assert_eq!(again.status(), StatusCode::CONFLICT);
        assert_eq!(problem_of(again).await.kind(), "/problems/email-taken");

        let bodies: Vec<Value> = (0..10).map(|_| new_user("grace@example.org")).collect();
        let posts = bodies.iter().map(|body| service.post("/users", body));
        let mut statuses: Vec<u16> = Vec::new();
        for response in futures_util::future::join_all(posts).await {
            statuses.push(response.status().as_u16());
        }
        statuses.sort_unstable();
        assert_eq!(statuses[0], 201, "{}", database.name);
        assert!(statuses[1..].iter().all(|status| *status == 409), "{} {statuses:?}", database.name);
        service.stop().await;
    })
    .await;
}

#[tokio::test]
async fn every_wrong_field_is_named_at_once() {
    let database = TestDatabase::sqlite();
    let service = Service::start(&database).await;
    let body = json!({ "email": "nobody", "password": "short", "name": "" });
    let response = service.post("/users", &body).await;
    assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let problem = problem_of(response).await;
    assert_eq!(fields(problem.member("errors")), ["email", "password", "name"]);
    assert!(!format!("{problem:?}").contains("short"), "{problem:?}");

    let id = service.register(&new_email()).await;
    let body = json!({ "name": "a\u{0}b", "address": "x".repeat(501), "country": "Atlantis" });
    let response = service.put(&format!("/users/{id}/profile"), &body).await;
    assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let problem = problem_of(response).await;
    assert_eq!(fields(problem.member("errors")), ["name", "address", "country"]);
    service.stop().await;
}

#[tokio::test]
async fn what_is_no_registration_is_refused() {
    let database = TestDatabase::sqlite();
    let service = Service::start(&database).await;
    for (path, body) in
        [("/users", json!({})), ("/users", json!([])), ("/sessions", json!({ "email": 1, "password": "x" }))]
    {
        let response = service.post(path, &body).await;
        assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY, "{path} {body}");
        problem_of(response).await;
    }
    let broken = service.request(Method::POST, "/users").header("content-type", "application/json").body("{");
    assert_eq!(broken.send().await.unwrap().status(), StatusCode::BAD_REQUEST);
    let form = service.request(Method::POST, "/users").body("email=a");
    assert_eq!(form.send().await.unwrap().status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let huge = service.post("/users", &new_user(&"a".repeat(100_000))).await;
    assert_eq!(huge.status(), StatusCode::PAYLOAD_TOO_LARGE);
    service.stop().await;
}

#[tokio::test]
async fn a_log_in_that_fails_tells_nothing() {
    on_each_database(|database| async move {
        let service = Service::start(&database).await;
        let email = new_email();
        service.register(&email).await;
        let mut answers = Vec::new();
        for (email, password) in [
            (email.as_str(), "a wrong password"),
            ("stranger@example.org", "a wrong password"),
            ("stranger@example.org", PASSWORD),
            ("no address at all", PASSWORD),
            ("nul\0@example.org", "nul\0"),
        ] {
            let response = service.log_in(email, password).await;
            assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
            let mut headers: Vec<String> = response.headers().keys().map(ToString::to_string).collect();
            headers.sort();
            let mut body = json_of(response).await;
            body["request_id"].take();
            answers.push((headers, body));
        }
        assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:#?}");
        service.stop().await;
    })
    .await;
}

#[tokio::test]
async fn without_a_session_there_is_nobody() {
    on_each_database(|database| async move {
        let service = Service::start(&database).await;
        let email = new_email();
        service.register(&email).await;
        let token = service.token(&email).await;
        let none = service.get("/sessions/current").await;
        assert_eq!(none.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(none.headers()["www-authenticate"], "Bearer");
        assert_eq!(problem_of(none).await.kind(), "/problems/no-session");

        let altered = format!("{}{}", if token.starts_with('A') { 'B' } else { 'A' }, &token[1..]);
        for wrong in [altered.as_str(), "x", "' OR 1=1 --", &"a".repeat(10_000)] {
            let response = service.with_token(Method::GET, "/sessions/current", wrong).await;
            assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{wrong}");
            let response = service.with_token(Method::DELETE, "/sessions/current", wrong).await;
            assert_eq!(response.status(), StatusCode::NO_CONTENT, "{wrong}");
        }
        let mine = service.with_token(Method::GET, "/sessions/current", &token).await;
        assert_eq!(mine.status(), StatusCode::OK);
        service.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_profile_is_changed_and_billed_by() {
    on_each_database(|database| async move {
        let service = Service::start(&database).await;
        let id = service.register(&new_email()).await;
        let path = format!("/users/{id}/profile");
        let profile = json_of(service.get(&path).await).await;
        assert_eq!(profile, json!({ "name": "Ada", "address": "", "country": "" }));

        let body = json!({ "name": " Ada Lovelace", "address": "12 St James's Square\r\nLondon\n", "country": "gb" });
        assert_eq!(service.put(&path, &body).await.status(), StatusCode::NO_CONTENT);
        let profile = json_of(service.get(&path).await).await;
        let changed = json!({ "name": "Ada Lovelace", "address": "12 St James's Square\nLondon", "country": "GB" });
        assert_eq!(profile, changed);

        let billing = json_of(service.get(&format!("/users/{}/billing", id.to_uppercase())).await).await;
        let mut expected = changed;
        expected["user_id"] = json!(id);
        assert_eq!(billing, expected);
        service.stop().await;
    })
    .await;
}

#[tokio::test]
async fn an_unknown_user_is_not_found() {
    on_each_database(|database| async move {
        let service = Service::start(&database).await;
        for id in ["0b1e7e8a-3a4c-4f6d-9c57-0d3c1b7a2f10", "1", "%00", "'", "%FF"] {
            for kind in ["profile", "billing"] {
                let response = service.get(&format!("/users/{id}/{kind}")).await;
                assert_eq!(response.status(), StatusCode::NOT_FOUND, "{id}");
                problem_of(response).await;
            }
            let body = json!({ "name": "Ada", "address": "", "country": "" });
            let response = service.put(&format!("/users/{id}/profile"), &body).await;
            assert_eq!(response.status(), StatusCode::NOT_FOUND, "{id}");
        }
        service.stop().await;
    })
    .await;
}

fn fields(errors: Option<&Value>) -> Vec<&str> {
    let errors = errors.and_then(Value::as_array).unwrap();
    errors.iter().map(|error| error["field"].as_str().unwrap()).collect()
}
