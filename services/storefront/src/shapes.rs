//! Calls in the shapes that concurrent code gives them, to score tracers by: `GET /api/v1/shapes/{shape}`.
//!
//! Served in scoring runs only (`bookstore_runtime::truth`). Each asks catalog (HTTP), inventory and payment (gRPC), which
//! ask their databases.
//!
//! | shape | its calls |
//! | --- | --- |
//! | `sequence` | one after another |
//! | `join` | at once, in the handler's own task (`tokio::join!`) |
//! | `spawn` | at once, each in a task of its own |
//! | `fanout` | nine at once, taken up in the order in which they answer (`FuturesUnordered`) |
//! | `hedge` | each twice at once; the first answer is taken and the other call dropped |

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use bookstore_runtime::extract::Path;
use bookstore_runtime::{Call, Problem};
use bookstore_telemetry as telemetry;
use futures_util::stream::{FuturesUnordered, TryStreamExt as _};
use serde::{Deserialize, Serialize};
use tracing::error;
use uuid::Uuid;

use crate::upstream::{Upstreams, grpc_problem};

/// The books that are asked for.
const BOOKS: [i64; 3] = [1, 2, 3];

pub(crate) fn router(upstreams: Upstreams) -> Router {
    Router::new().route(&format!("{}/shapes/{{shape}}", crate::api::BASE), get(show)).with_state(upstreams)
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum Shape {
    Sequence,
    Join,
    Spawn,
    Fanout,
    Hedge,
}

#[derive(Debug, Serialize)]
struct Shown {
    shape: Shape,
}

async fn show(
    State(upstreams): State<Upstreams>,
    call: Call,
    Path(shape): Path<Shape>,
) -> Result<Json<Shown>, Problem> {
    let asked = Asked { upstreams, call };
    match shape {
        Shape::Sequence => asked.sequence().await,
        Shape::Join => asked.join().await,
        Shape::Spawn => asked.spawn().await,
        Shape::Fanout => asked.fanout().await,
        Shape::Hedge => asked.hedge().await,
    }?;
    Ok(Json(Shown { shape }))
}

/// Whom a request may ask.
#[derive(Clone)]
struct Asked {
    upstreams: Upstreams,
    call: Call,
}

/// What a call is about.
#[derive(Clone, Copy)]
enum Of {
    Catalog,
    Inventory,
    Payment,
}

const ALL: [Of; 3] = [Of::Catalog, Of::Inventory, Of::Payment];

impl Asked {
    async fn ask(&self, of: Of, book: i64) -> Result<(), Problem> {
        match of {
            Of::Catalog => self.upstreams.book(&self.call, book).await.map(drop),
            Of::Inventory => {
                let stock = self.upstreams.stock(&self.call, &[book]).await;
                stock.map(drop).map_err(|status| grpc_problem("inventory", &status))
            }
            Of::Payment => match self.upstreams.payment(&self.call, &Uuid::new_v4().to_string()).await {
                Ok(_) => Ok(()),
                // As it should be: nobody has paid.
                Err(status) if status.code() == tonic::Code::NotFound => Ok(()),
                Err(status) => Err(grpc_problem("payment", &status)),
            },
        }
    }

    async fn sequence(&self) -> Result<(), Problem> {
        for of in ALL {
            self.ask(of, BOOKS[0]).await?;
        }
        Ok(())
    }

    async fn join(&self) -> Result<(), Problem> {
        let [catalog, inventory, payment] = ALL;
        tokio::try_join!(self.ask(catalog, BOOKS[0]), self.ask(inventory, BOOKS[0]), self.ask(payment, BOOKS[0]))
            .map(drop)
    }

    async fn spawn(&self) -> Result<(), Problem> {
        let tasks = ALL.map(|of| {
            let asked = self.clone();
            telemetry::spawn(async move { asked.ask(of, BOOKS[0]).await })
        });
        for task in tasks {
            task.await.map_err(|failure| {
                error!(%failure, "the task of a shape has ended badly");
                Problem::of(StatusCode::INTERNAL_SERVER_ERROR)
            })??;
        }
        Ok(())
    }

    async fn fanout(&self) -> Result<(), Problem> {
        let calls: FuturesUnordered<_> = BOOKS.into_iter().flat_map(|book| ALL.map(|of| self.ask(of, book))).collect();
        calls.try_for_each(|()| std::future::ready(Ok(()))).await
    }

    async fn hedge(&self) -> Result<(), Problem> {
        for of in ALL {
            tokio::select! {
                first = self.ask(of, BOOKS[0]) => first?,
                second = self.ask(of, BOOKS[1]) => second?,
            }
        }
        Ok(())
    }
}
