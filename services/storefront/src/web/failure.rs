//! Errors as pages.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use bookstore_runtime::{Call, Problem};

use super::Web;
use super::gate;
use super::view::FailurePage;
use super::visitor::Visit;

/// The page for a problem. `asked` is what may be asked for again.
pub(super) async fn page(web: &Web, call: &Call, visit: &Visit, problem: &Problem, asked: Option<&str>) -> Response {
    let (heading, text) = words(problem);
    let page = FailurePage {
        frame: visit.frame(web, call, heading).await,
        status: problem.status().as_u16(),
        heading: heading.to_owned(),
        text: text.to_owned(),
        again: asked.filter(|_| may_pass(problem.status())).map(str::to_owned),
        request_id: call.request_id().to_owned(),
    };
    gate::html(problem.status(), &page).unwrap_or_else(IntoResponse::into_response)
}

/// Whether the same may work in a moment.
fn may_pass(status: StatusCode) -> bool {
    status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error()
}

/// What is wrong in a few words, and what to do. Problems are written for programs; this is for people.
fn words(problem: &Problem) -> (&'static str, &'static str) {
    match problem.status() {
        StatusCode::NOT_FOUND => (
            "There is no such page",
            "Perhaps it was lent out, or its address has a letter wrong. The search above knows every book.",
        ),
        StatusCode::METHOD_NOT_ALLOWED => {
            ("This page cannot be opened like that", "It only takes what a form sends. Start again from the books.")
        }
        StatusCode::FORBIDDEN => (
            "The form has grown old",
            "It was not made for you just now: perhaps you signed in or out since, or came from another site. \
             Nothing was changed. Go back, load the page again, and send it from there.",
        ),
        StatusCode::PAYLOAD_TOO_LARGE => {
            ("That was too much", "The form was larger than any of ours. Nothing was changed.")
        }
        StatusCode::TOO_MANY_REQUESTS => ("That was too often", "Wait a little, then try again."),
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT | StatusCode::BAD_GATEWAY => (
            "A part of the shop does not answer",
            "Something that this page needs is down or slow just now. It is usually back within moments.",
        ),
        status if status.is_server_error() => {
            ("Something went wrong on our side", "It is in our log under the number below. Trying again may help.")
        }
        _ => ("That did not make sense to us", "Nothing was changed. Go back and look at what was typed."),
    }
}
