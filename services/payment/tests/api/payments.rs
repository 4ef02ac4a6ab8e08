//! Each call of the service and each way it can end, over real sockets, on both databases.

use crate::support::{CVC, GOOD, Shop, Users, new_id, nobody, request};
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::any;
use bookstore_payment::{Behaviour, DeclineReason, MIGRATIONS, TEST_CARDS};
use bookstore_proto::payment::{AuthoriseRequest, Card, DeclineReason as Reason, Money, Payment, PaymentStatus};
use bookstore_runtime::testing::{TestDatabase, on_each_database};
use bookstore_runtime::{Call, Db};
use tokio::net::TcpListener;
use tonic::Code;

#[tokio::test]
async fn a_payment_is_authorised_captured_and_refunded() {
    on_each_database(|database| async move {
        let shop = Shop::start(&database).await;
        let id = new_id();
        let authorised = shop.authorise(request(&id, "4242 4242-4242 4242")).await.unwrap();
        assert_eq!(
            authorised,
            Payment {
                payment_id: id.clone(),
                status: PaymentStatus::Authorised.into(),
                amount: Some(Money { amount: 1299, currency: "EUR".to_owned() }),
                decline_reason: Reason::Unspecified.into(),
                card_brand: "visa".to_owned(),
                card_last4: "4242".to_owned(),
            }
        );
        assert_eq!(captured_money(&database).await, 0);
        for _ in 0..2 {
            assert_eq!(shop.capture(&id).await.unwrap().status(), PaymentStatus::Captured);
            assert_eq!(captured_money(&database).await, 1299);
        }
        for _ in 0..2 {
            assert_eq!(shop.refund(&id).await.unwrap().status(), PaymentStatus::Refunded);
            assert_eq!(captured_money(&database).await, 0);
        }
        let now = shop.get(&id).await.unwrap();
        assert_eq!(now, Payment { status: PaymentStatus::Refunded.into(), ..authorised });
        shop.stop().await;
    })
    .await;
}

#[tokio::test]
async fn each_test_card_does_what_its_table_says() {
    on_each_database(|database| async move {
        let shop = Shop::start(&database).await;
        for card in TEST_CARDS {
            let id = new_id();
            let answer = shop.authorise(request(&id, card.number)).await;
            let expected = match card.behaviour {
                Behaviour::Accepts | Behaviour::AcceptsSlowly => (PaymentStatus::Authorised, Reason::Unspecified),
                Behaviour::Declines(DeclineReason::CardDeclined) => (PaymentStatus::Declined, Reason::CardDeclined),
                Behaviour::Declines(DeclineReason::InsufficientFunds) => {
                    (PaymentStatus::Declined, Reason::InsufficientFunds)
                }
                Behaviour::Declines(DeclineReason::ExpiredCard) => (PaymentStatus::Declined, Reason::ExpiredCard),
                Behaviour::IsDown => {
                    assert_eq!(answer.unwrap_err().code(), Code::Unavailable);
                    assert_eq!(shop.get(&id).await.unwrap().status(), PaymentStatus::Authorising);
                    assert_eq!(shop.capture(&id).await.unwrap_err().code(), Code::FailedPrecondition);
                    assert_eq!(shop.void(&id).await.unwrap().status(), PaymentStatus::Voided);
                    continue;
                }
            };
            let payment = answer.unwrap();
            assert_eq!((payment.status(), payment.decline_reason()), expected, "{}", card.number);
            assert_eq!(payment.card_brand, card.brand.as_str());
            assert_eq!(shop.get(&id).await.unwrap(), payment);
        }
        shop.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_decline_is_an_answer_and_stays_one() {
    on_each_database(|database| async move {
        let shop = Shop::start(&database).await;
        let id = new_id();
        let declined = shop.authorise(request(&id, "4000000000000002")).await.unwrap();
        assert_eq!(declined.decline_reason(), Reason::CardDeclined);
        assert_eq!(shop.authorise(request(&id, "4000000000000002")).await.unwrap(), declined);
        assert_eq!(shop.void(&id).await.unwrap(), declined);
        assert_eq!(shop.capture(&id).await.unwrap_err().code(), Code::FailedPrecondition);
        assert_eq!(shop.refund(&id).await.unwrap_err().code(), Code::FailedPrecondition);

        let id = new_id();
        let mut expired = request(&id, GOOD);
        expired.card = Some(Card { expiry: "01/2024".to_owned(), ..expired.card.unwrap() });
        let payment = shop.authorise(expired).await.unwrap();
        assert_eq!((payment.status(), payment.decline_reason()), (PaymentStatus::Declined, Reason::ExpiredCard));
        shop.stop().await;
    })
    .await;
}

#[tokio::test]
async fn the_same_again_is_the_same_and_anything_else_is_refused() {
    on_each_database(|database| async move {
        let shop = Shop::start(&database).await;
        let id = new_id();
        let first = shop.authorise(request(&id, GOOD)).await.unwrap();
        assert_eq!(shop.authorise(request(&id.to_uppercase(), GOOD)).await.unwrap(), first);
        assert_eq!(shop.users.asked(), 1, "what is settled needs nobody's profile");

        let right = request(&id, GOOD);
        let card = right.card.clone().unwrap();
        let others = [
            AuthoriseRequest { amount: Some(Money { amount: 1300, currency: "EUR".to_owned() }), ..right.clone() },
            AuthoriseRequest { user_id: new_id(), ..right.clone() },
            AuthoriseRequest {
                card: Some(Card { number: "5555555555554444".to_owned(), ..card.clone() }),
                ..right.clone()
            },
            AuthoriseRequest { card: Some(Card { expiry: "11/99".to_owned(), ..card }), ..right },
        ];
        for other in others {
            assert_eq!(shop.authorise(other).await.unwrap_err().code(), Code::AlreadyExists);
        }
        assert_eq!(shop.get(&id).await.unwrap(), first);

        shop.capture(&id).await.unwrap();
        let again = shop.authorise(request(&id, GOOD)).await.unwrap();
        assert_eq!(again.status(), PaymentStatus::Captured, "it says how far the payment is");
        shop.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_void_holds_before_and_after_the_authorisation() {
    on_each_database(|database| async move {
        let shop = Shop::start(&database).await;
        let early = new_id();
        for _ in 0..2 {
            assert_eq!(shop.void(&early).await.unwrap().status(), PaymentStatus::Voided);
        }
        let refused = shop.authorise(request(&early, GOOD)).await.unwrap_err();
        assert_eq!(refused.code(), Code::FailedPrecondition);
        assert_eq!(shop.get(&early).await.unwrap().amount, None);

        let late = new_id();
        shop.authorise(request(&late, GOOD)).await.unwrap();
        assert_eq!(shop.void(&late).await.unwrap().status(), PaymentStatus::Voided);
        assert_eq!(shop.authorise(request(&late, GOOD)).await.unwrap_err().code(), Code::FailedPrecondition);
        assert_eq!(shop.capture(&late).await.unwrap_err().code(), Code::FailedPrecondition);

        let captured = new_id();
        shop.authorise(request(&captured, GOOD)).await.unwrap();
        shop.capture(&captured).await.unwrap();
        assert_eq!(shop.void(&captured).await.unwrap_err().code(), Code::FailedPrecondition);
        shop.refund(&captured).await.unwrap();
        assert_eq!(shop.void(&captured).await.unwrap_err().code(), Code::FailedPrecondition);
        assert_eq!(shop.capture(&captured).await.unwrap_err().code(), Code::FailedPrecondition);
        shop.stop().await;
    })
    .await;
}

#[tokio::test]
async fn what_is_unknown_is_said_to_be() {
    let database = TestDatabase::sqlite();
    let shop = Shop::start(&database).await;
    assert_eq!(shop.get(&new_id()).await.unwrap_err().code(), Code::NotFound);
    assert_eq!(shop.capture(&new_id()).await.unwrap_err().code(), Code::FailedPrecondition);
    assert_eq!(shop.refund(&new_id()).await.unwrap_err().code(), Code::FailedPrecondition);
    shop.stop().await;
}

#[tokio::test]
async fn what_cannot_be_is_refused_before_anybody_is_asked() {
    let database = TestDatabase::sqlite();
    let shop = Shop::start(&database).await;
    let right = request(&new_id(), GOOD);
    let card = right.card.clone().unwrap();
    let with_card = |card| AuthoriseRequest { card: Some(card), ..right.clone() };
    let with_amount = |amount, currency: &str| AuthoriseRequest {
        amount: Some(Money { amount, currency: currency.to_owned() }),
        ..right.clone()
    };
    let wrong = [
        AuthoriseRequest { payment_id: "1".to_owned(), ..right.clone() },
        AuthoriseRequest { user_id: String::new(), ..right.clone() },
        AuthoriseRequest { amount: None, ..right.clone() },
        AuthoriseRequest { card: None, ..right.clone() },
        with_amount(0, "EUR"),
        with_amount(-1299, "EUR"),
        with_amount(i64::MAX, "EUR"),
        with_amount(1299, "USD"),
        with_card(Card { number: "4242424242424241".to_owned(), ..card.clone() }),
        with_card(Card { number: "4242".to_owned(), ..card.clone() }),
        with_card(Card { expiry: "13/30".to_owned(), ..card.clone() }),
        with_card(Card { cvc: "12".to_owned(), ..card.clone() }),
    ];
    for request in wrong {
        let status = shop.authorise(request).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{status}");
        assert!(!status.message().contains("4242"), "{status}");
        assert!(!status.message().contains(CVC), "{status}");
    }
    let huge = with_card(Card { number: "4".repeat(100_000), ..card });
    assert_eq!(shop.authorise(huge).await.unwrap_err().code(), Code::OutOfRange);
    for id in ["", "x", "' OR 1=1 --"] {
        assert_eq!(shop.get(id).await.unwrap_err().code(), Code::InvalidArgument);
        assert_eq!(shop.void(id).await.unwrap_err().code(), Code::InvalidArgument);
        assert_eq!(shop.capture(id).await.unwrap_err().code(), Code::InvalidArgument);
        assert_eq!(shop.refund(id).await.unwrap_err().code(), Code::InvalidArgument);
    }
    assert_eq!(shop.users.asked(), 0);
    shop.stop().await;
}

#[tokio::test]
async fn without_a_billing_profile_nothing_is_begun() {
    on_each_database(|database| async move {
        let shop = Shop::start(&database).await;
        let id = new_id();
        let strangers = AuthoriseRequest { user_id: new_id(), ..request(&id, GOOD) };
        assert_eq!(shop.authorise(strangers).await.unwrap_err().code(), Code::FailedPrecondition);
        assert_eq!(shop.get(&id).await.unwrap_err().code(), Code::NotFound);
        shop.stop().await;

        let shop = Shop::start_with(&database, Users::default(), &nobody().await).await;
        assert_eq!(shop.authorise(request(&id, GOOD)).await.unwrap_err().code(), Code::Unavailable);
        assert_eq!(shop.get(&id).await.unwrap_err().code(), Code::NotFound);
        shop.stop().await;

        let shop = Shop::start(&database).await;
        let payment = shop.authorise(request(&id, GOOD)).await.unwrap();
        assert_eq!(payment.status(), PaymentStatus::Authorised, "the same id may be asked again");
        shop.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_user_service_in_trouble_holds_a_payment_up_and_no_more() {
    async fn forever() {
        std::future::pending().await
    }
    let troubles = [
        (any(|| async { StatusCode::INTERNAL_SERVER_ERROR }), vec![Code::Unavailable]),
        (any(|| async { "not what was agreed" }), vec![Code::Internal]),
        // Who waits longest depends on the clock; the caller may give up first.
        (any(forever), vec![Code::Unavailable, Code::DeadlineExceeded, Code::Cancelled]),
    ];
    let database = TestDatabase::sqlite();
    for (trouble, codes) in troubles {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let users = tokio::spawn(async move {
            axum::serve(listener, Router::new().fallback_service(trouble)).await.unwrap();
        });
        let shop = Shop::start_with(&database, Users::default(), &url).await;
        let id = new_id();
        let status = shop.authorise_within(Duration::from_secs(2), request(&id, GOOD)).await.unwrap_err();
        assert!(codes.contains(&status.code()), "{status}");
        assert_eq!(shop.get(&id).await.unwrap_err().code(), Code::NotFound);
        users.abort();
        shop.stop().await;
    }
}

/// What the invariants of the shop count: money that has been taken and not given back.
async fn captured_money(database: &TestDatabase) -> i64 {
    let db = Db::connect(&database.config, &MIGRATIONS).await.unwrap();
    let call = Call::new_root(Duration::from_secs(10));
    let (sum,): (i64,) =
        sqlx::query_as("SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) FROM payments WHERE status = 'captured'")
            .fetch_one(db.run(&call))
            .await
            .unwrap();
    db.close().await;
    sum
}
