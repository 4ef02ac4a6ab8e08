//! How many copies there are, asked of inventory: one call a page.

use std::collections::HashMap;
use std::time::Duration;

use bookstore_proto::catalog::Book;
use bookstore_proto::inventory::GetStockRequest;
use bookstore_proto::inventory::inventory_client::InventoryClient;
use bookstore_runtime::Call;
use bookstore_runtime::config::ConfigError;
use bookstore_runtime::grpc_client::{self, Channel};
use bookstore_runtime::retry::Retry;
use tracing::{Span, instrument};

use crate::config::Config;
use crate::metrics;

/// The client of inventory. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Stock {
    client: InventoryClient<Channel>,
    retry: Retry,
    /// How long a page waits.
    timeout: Duration,
}

impl Stock {
    /// Connects when it is first asked.
    pub(crate) fn new(config: &Config) -> Result<Self, ConfigError> {
        let channel = grpc_client::channel(&config.inventory_url)
            .map_err(|error| ConfigError::Invalid { name: "BOOKSTORE_INVENTORY_URL", reason: error.to_string() })?;
        Ok(Self { client: InventoryClient::new(channel), retry: Retry::default(), timeout: config.stock_timeout })
    }

    /// Writes availability into the books. Where inventory does not answer in time they stay as they are: a page
    /// without availability is better than none.
    #[instrument(
        name = "availability",
        skip_all,
        fields(
            bookstore.request.id = call.id_on_spans(),
            bookstore.hop = call.hop_on_spans(),
            bookstore.books = books.len(),
            bookstore.availability.known
        )
    )]
    pub(crate) async fn fill(&self, call: &Call, books: &mut [Book]) {
        if books.is_empty() {
            return;
        }
        let levels = self.levels(call, books.iter().map(|book| book.id).collect()).await;
        let known = levels.is_ok();
        Span::current().record("bookstore.availability.known", known);
        metrics::availability(known);
        match levels {
            Ok(levels) => {
                for book in books {
                    book.available = levels.get(&book.id).copied();
                }
            }
            Err(status) => tracing::warn!(
                code = ?status.code(),
                error = status.message(),
                "inventory did not say what is on hand; the page is served without"
            ),
        }
    }

    /// Copies on hand by book.
    async fn levels(&self, call: &Call, book_ids: Vec<i64>) -> Result<HashMap<i64, i64>, tonic::Status> {
        let call = call.with_budget(self.timeout.min(call.remaining()));
        let asked = self.retry.idempotent(&call, || {
            let (mut client, book_ids) = (self.client.clone(), book_ids.clone());
            let request = call.grpc(GetStockRequest { book_ids });
            async move { client.get_stock(request).await }
        });
        // The call's own deadline begins when there is a connection; this one does not wait for that.
        let answer = tokio::time::timeout_at(call.deadline().into(), asked)
            .await
            .map_err(|_| tonic::Status::deadline_exceeded("no answer in time"))??;
        Ok(answer.into_inner().levels.into_iter().map(|level| (level.book_id, level.on_hand)).collect())
    }
}
