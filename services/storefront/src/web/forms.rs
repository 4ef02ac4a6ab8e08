//! What a browser sends back, once it is known that the visitor sent it and not another site.
//!
//! Two checks, each of which would do: where the form was sent from (`Origin`, `Sec-Fetch-Site`: written by the browser,
//! out of a page's reach), and a token in the form that only this visitor's pages hold. [`Posted`] is the only way to a
//! form's fields, so neither can be forgotten.

use std::collections::HashMap;

use axum::extract::{FromRequest, Request};
use axum::http::header::{HOST, ORIGIN};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, Uri};
use bookstore_runtime::{Problem, extract};

use super::Web;
use super::visitor::Visiting;

/// A form's fields, sent by this visitor. Has no `Debug`: a field may be a secret.
pub(super) struct Posted {
    pub(super) visiting: Visiting,
    fields: HashMap<String, String>,
}

impl Posted {
    /// A field as it was typed; empty where there is none.
    pub(super) fn text(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }

    /// A field as a whole number.
    pub(super) fn number(&self, name: &str) -> Option<i64> {
        self.text(name).trim().parse().ok()
    }
}

impl FromRequest<Web> for Posted {
    type Rejection = Problem;

    async fn from_request(request: Request, web: &Web) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        if !is_from_here(&parts) {
            tracing::warn!("a form from another site was refused");
            return Err(refused());
        }
        let visiting = <Visiting as axum::extract::FromRequestParts<Web>>::from_request_parts(&mut parts, web).await?;
        let extract::Form(fields) =
            extract::Form::<HashMap<String, String>>::from_request(Request::from_parts(parts, body), web).await?;
        let posted = Self { visiting, fields };
        if !posted.visiting.visitor.owns_form(web, posted.text("csrf")) {
            tracing::warn!("a form without the visitor's token was refused");
            return Err(refused());
        }
        Ok(posted)
    }
}

fn refused() -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "form-refused", "The form was not accepted")
        .detail("The form was not made for you just now. Load its page again and send it from there.")
}

/// Whether the browser says that one of our own pages sent this. A client that says nothing is no browser that could be
/// led astray, and has to know the token all the same.
fn is_from_here(parts: &Parts) -> bool {
    let site = text(&parts.headers, "sec-fetch-site");
    let origin = text(&parts.headers, ORIGIN.as_str());
    site.is_none_or(|site| matches!(site, "same-origin" | "none"))
        && origin.is_none_or(|origin| host(&parts.headers, &parts.uri).is_some_and(|host| is_at(origin, host)))
}

/// Whether an origin (`scheme://host:port`) is at a host. The scheme is not compared: TLS may end before us.
fn is_at(origin: &str, host: &str) -> bool {
    origin
        .split_once("://")
        .is_some_and(|(scheme, authority)| matches!(scheme, "http" | "https") && authority.eq_ignore_ascii_case(host))
}

/// The host that was asked: `Host`, or `:authority` over HTTP/2.
fn host<'a>(headers: &'a HeaderMap, uri: &'a Uri) -> Option<&'a str> {
    text(headers, HOST.as_str()).or_else(|| uri.authority().map(|authority| authority.as_str()))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    // What is no text is no origin of ours.
    headers.get(name).map(|value| value.to_str().unwrap_or("unreadable"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_here(headers: &[(&str, &str)]) -> bool {
        let mut request = axum::http::Request::post("/basket/items").header("host", "shop.example:8080");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        is_from_here(&request.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn browsers_say_where_a_form_was_sent_from() {
        for ours in [
            &[][..],
            &[("origin", "http://shop.example:8080")],
            &[("origin", "https://SHOP.example:8080")],
            &[("origin", "http://shop.example:8080"), ("sec-fetch-site", "same-origin")],
            &[("sec-fetch-site", "none")],
        ] {
            assert!(from_here(ours), "{ours:?}");
        }
        for others in [
            &[("origin", "http://evil.example")][..],
            &[("origin", "http://shop.example")],
            &[("origin", "http://shop.example:8080.evil.example")],
            &[("origin", "null")],
            &[("origin", "")],
            &[("origin", "file://shop.example:8080")],
            &[("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "same-site"), ("origin", "http://shop.example:8080")],
            &[("sec-fetch-site", "same-origin"), ("origin", "http://evil.example")],
        ] {
            assert!(!from_here(others), "{others:?}");
        }
    }
}
