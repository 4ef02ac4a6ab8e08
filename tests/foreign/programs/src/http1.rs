//! Calls over HTTP/1, by reqwest's pool.

use crate::truth::{Call, Operation};

/// The tide, from outside.
pub struct Tide {
    client: reqwest::Client,
    url: String,
}

impl Tide {
    /// The one that a variable names.
    pub fn from_env(variable: &str) -> Self {
        Self { client: reqwest::Client::new(), url: std::env::var(variable).unwrap_or_default() }
    }

    /// Asks how high the water is; the answer takes so many milliseconds.
    pub async fn level(&self, call: &Call, milliseconds: u64) {
        self.get(call, &format!("/level/{milliseconds}")).await;
    }

    /// Asks for something.
    pub async fn get(&self, call: &Call, path: &str) {
        let hop = call.next();
        let operation = Operation::called(call, &hop, "http");
        let request = self.client.get(format!("{}{path}", self.url));
        let answer = request.header("x-request-id", &*call.id).header("x-hop", &hop).send().await.expect("an answer");
        answer.bytes().await.expect("a body");
        operation.end();
    }
}
