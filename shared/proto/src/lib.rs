//! What the services say to each other.
//!
//! Layout:
//!
//! * [`inventory`], [`payment`]: gRPC, generated from `proto/` when the crate is built.
//! * [`catalog`], [`user`]: the JSON bodies of the two HTTP services.
//! * [`Money`]: an amount as JSON carries it.

pub mod catalog;
pub mod user;

mod money;
pub use money::{CURRENCY, Money};

/// gRPC of the inventory service: `proto/bookstore/inventory/v1/inventory.proto`.
#[expect(
    missing_docs,
    unused_qualifications,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    reason = "generated from commented .proto files"
)]
pub mod inventory {
    tonic::include_proto!("bookstore.inventory.v1");
}

/// gRPC of the payment service: `proto/bookstore/payment/v1/payment.proto`.
#[expect(
    missing_docs,
    unused_qualifications,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    reason = "generated from commented .proto files"
)]
pub mod payment {
    tonic::include_proto!("bookstore.payment.v1");

    // By hand, so that neither number nor CVC can reach a log through `{:?}`.
    impl std::fmt::Debug for Card {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("Card([redacted])")
        }
    }

    impl std::fmt::Debug for AuthoriseRequest {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.debug_struct("AuthoriseRequest")
                .field("payment_id", &self.payment_id)
                .field("user_id", &self.user_id)
                .field("amount", &self.amount)
                .finish_non_exhaustive()
        }
    }
}
