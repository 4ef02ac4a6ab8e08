//! Calls that meet, callers that give up, processes that end: nothing is left half done.

use crate::support::{GOOD, Shop, new_id, request};
use bookstore_proto::payment::PaymentStatus;
use bookstore_runtime::testing::on_each_database;
use futures_util::future::join_all;
use tonic::Code;

const SLOW_CARD: &str = "4000000000000259";

#[tokio::test(flavor = "multi_thread")]
async fn many_authorisations_of_one_id_are_one() {
    on_each_database(|database| async move {
        let shop = Shop::start(&database).await;
        let id = new_id();
        let answers = join_all((0..20).map(|_| shop.authorise(request(&id, GOOD)))).await;
        let recorded = shop.get(&id).await.unwrap();
        assert_eq!(recorded.status(), PaymentStatus::Authorised);
        for answer in answers {
            assert_eq!(answer.unwrap(), recorded);
        }
        let captures = join_all((0..20).map(|_| shop.capture(&id))).await;
        for capture in captures {
            assert_eq!(capture.unwrap().status(), PaymentStatus::Captured);
        }
        shop.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_void_beside_an_authorisation_always_wins() {
    on_each_database(|database| async move {
        let shop = Shop::start(&database).await;
        for _ in 0..50 {
            let id = new_id();
            let (authorised, voided) = tokio::join!(shop.authorise(request(&id, GOOD)), shop.void(&id));
            match authorised {
                Ok(payment) => assert_eq!(payment.status(), PaymentStatus::Authorised),
                Err(status) => assert_eq!(status.code(), Code::FailedPrecondition),
            }
            assert_eq!(voided.unwrap().status(), PaymentStatus::Voided);
            assert_eq!(shop.get(&id).await.unwrap().status(), PaymentStatus::Voided);
        }
        shop.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_void_and_a_capture_one_wins() {
    on_each_database(|database| async move {
        let shop = Shop::start(&database).await;
        for _ in 0..50 {
            let id = new_id();
            shop.authorise(request(&id, GOOD)).await.unwrap();
            let (captured, voided) = tokio::join!(shop.capture(&id), shop.void(&id));
            let winner = match (&captured, &voided) {
                (Ok(_), Err(loser)) | (Err(loser), Ok(_)) => {
                    assert_eq!(loser.code(), Code::FailedPrecondition);
                    captured.or(voided).unwrap()
                }
                other => panic!("{other:?}"),
            };
            assert_eq!(shop.get(&id).await.unwrap(), winner);
        }
        shop.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_void_while_the_issuer_thinks_wins() {
    on_each_database(|database| async move {
        let shop = Shop::start(&database).await;
        let id = new_id();
        let void = async {
            begun(&shop, &id).await;
            shop.void(&id).await
        };
        let (authorised, voided) = tokio::join!(shop.authorise(request(&id, SLOW_CARD)), void);
        assert_eq!(voided.unwrap().status(), PaymentStatus::Voided);
        assert_eq!(authorised.unwrap_err().code(), Code::FailedPrecondition);
        assert_eq!(shop.get(&id).await.unwrap().status(), PaymentStatus::Voided);
        shop.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authorisation_that_was_cut_off_is_finished_by_the_next_process() {
    on_each_database(|database| async move {
        let shop = Shop::start(&database).await;
        let (retried, voided) = (new_id(), new_id());
        for id in [&retried, &voided] {
            tokio::select! {
                answer = shop.authorise(request(id, SLOW_CARD)) => panic!("the caller was to give up: {answer:?}"),
                () = begun(&shop, id) => {}
            }
        }
        shop.stop().await;

        let shop = Shop::start(&database).await;
        assert_eq!(shop.get(&retried).await.unwrap().status(), PaymentStatus::Authorising);
        assert_eq!(shop.void(&voided).await.unwrap().status(), PaymentStatus::Voided);
        let payment = shop.authorise(request(&retried, SLOW_CARD)).await.unwrap();
        assert_eq!(payment.status(), PaymentStatus::Authorised);
        assert_eq!(shop.capture(&retried).await.unwrap().status(), PaymentStatus::Captured);
        shop.stop().await;
    })
    .await;
}

/// Resolves when the authorisation is recorded and the issuer is being asked.
async fn begun(shop: &Shop, id: &str) {
    while !shop.get(id).await.is_ok_and(|payment| payment.status() == PaymentStatus::Authorising) {
        tokio::task::yield_now().await;
    }
}
