//! The OpenAPI document. Its operations come from the routes; here is what they have in common.

use serde_json::{Map, Value, json};
use utoipa::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};

/// What stands before and around the operations.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Bookstore",
        version = "1",
        description = "Public-domain books to look at, put into a basket and buy with a test card.\n\nLog in with `POST /api/v1/sessions`, and send the token as `Authorization: Bearer`. Amounts of money are in minor units (1299 is € 12.99), times are RFC 3339 in UTC.\n\nErrors are problem details (RFC 9457). Every answer carries `x-request-id`: the one you sent, or a new one. 503 and 429 say in `Retry-After` when to try again.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    servers((url = "/", description = "This shop")),
    tags(
        (name = "books", description = "What there is to buy."),
        (name = "users", description = "Accounts and sessions."),
        (name = "basket", description = "What you are about to buy."),
        (name = "orders", description = "What you have bought."),
    ),
)]
struct Frame;

/// A document without operations.
pub(super) fn frame() -> utoipa::openapi::OpenApi {
    let mut document = Frame::openapi();
    let session = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("The token of a session, from `POST /api/v1/sessions`."))
        .build();
    document
        .components
        .get_or_insert_with(Default::default)
        .add_security_scheme("session", SecurityScheme::Http(session));
    document
}

/// What any operation may answer besides what it says itself.
const ANYWHERE: [(&str, &str); 3] = [
    ("500", "Something went wrong on our side. The request id names it in our logs."),
    (
        "503",
        "Too busy, or something that is needed does not answer (`/problems/service-unavailable`). `Retry-After` says when to try again.",
    ),
    ("504", "The answer was not there in time."),
];
/// What an operation that needs a session may answer.
const WITH_SESSION: [(&str, &str); 1] =
    [("401", "No session token, or one that is unknown or expired (`/problems/not-logged-in`).")];
/// What an operation that takes a body may answer.
const WITH_BODY: [(&str, &str); 4] = [
    ("400", "The body is no JSON."),
    ("413", "The body is too large."),
    ("415", "The body does not say that it is JSON."),
    ("422", "The body is other JSON than this (`/problems/invalid`)."),
];

/// The document as it is served: each operation with everything that it may answer.
pub(super) fn complete(document: &utoipa::openapi::OpenApi) -> Value {
    let mut document = serde_json::to_value(document).unwrap_or_default();
    let paths = document["paths"].as_object_mut().into_iter().flat_map(Map::values_mut);
    for operation in paths.filter_map(Value::as_object_mut).flat_map(Map::values_mut) {
        let mut common = ANYWHERE.to_vec();
        if operation.get("security").is_some() {
            common.extend(WITH_SESSION);
        }
        if operation.get("requestBody").is_some() {
            common.extend(WITH_BODY);
        }
        let Some(responses) = operation["responses"].as_object_mut() else { continue };
        for (status, description) in common {
            responses.entry(status).or_insert_with(|| {
                json!({
                    "description": description,
                    "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } },
                })
            });
        }
        add_headers(responses);
    }
    document
}

/// The headers that answers carry.
fn add_headers(responses: &mut Map<String, Value>) {
    let header = |description: &str, kind: &str| json!({ "description": description, "schema": { "type": kind } });
    for (status, response) in responses {
        let Some(response) = response.as_object_mut() else { continue };
        let headers = response.entry("headers").or_insert_with(|| json!({}));
        headers["x-request-id"] = header("Names the request.", "string");
        if matches!(status.as_str(), "429" | "503") {
            headers["Retry-After"] = header("When to try again, in seconds.", "integer");
        }
        if status == "401" {
            headers["WWW-Authenticate"] = header("How to log in: `Bearer`.", "string");
        }
    }
}
