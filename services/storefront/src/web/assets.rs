//! Style sheet, script and icon: part of the program, at addresses that name their content, so browsers keep them for good.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use bookstore_runtime::Problem;
use sha2::{Digest as _, Sha256};

use super::view::AssetUrls;

struct Asset {
    url: String,
    kind: HeaderValue,
    body: &'static str,
}

impl Asset {
    fn new(name: &str, extension: &str, kind: &'static str, body: &'static str) -> Self {
        let hash = hex::encode(&Sha256::digest(body.as_bytes())[..8]);
        Self { url: format!("/assets/{name}.{hash}.{extension}"), kind: HeaderValue::from_static(kind), body }
    }
}

static ASSETS: LazyLock<[Asset; 3]> = LazyLock::new(|| {
    [
        Asset::new("site", "css", "text/css; charset=utf-8", include_str!("../../assets/site.css")),
        Asset::new("site", "js", "text/javascript; charset=utf-8", include_str!("../../assets/site.js")),
        Asset::new("icon", "svg", "image/svg+xml", include_str!("../../assets/icon.svg")),
    ]
});

/// Where they are.
pub(super) fn urls() -> AssetUrls {
    let [style, script, icon] = &*ASSETS;
    AssetUrls { style: &style.url, script: &script.url, icon: &icon.url }
}

/// `GET /assets/{file}`.
pub(super) async fn show(Path(file): Path<String>) -> Response {
    match ASSETS.iter().find(|asset| asset.url.strip_prefix("/assets/") == Some(&*file)) {
        Some(asset) => {
            let forever = HeaderValue::from_static("public, max-age=31536000, immutable");
            ([(CONTENT_TYPE, asset.kind.clone()), (CACHE_CONTROL, forever)], asset.body).into_response()
        }
        None => Problem::not_found("There is no such file.").into_response(),
    }
}
