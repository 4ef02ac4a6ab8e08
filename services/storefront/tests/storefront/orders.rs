//! Buying.

use std::time::Duration;

use bookstore_proto::inventory::ReservationStatus;
use bookstore_proto::payment::PaymentStatus;
use bookstore_runtime::testing::on_each_database;
use serde_json::json;

use crate::shop::{Answer, CARD, OTHER_CARD, POOR_CARD, Settings, Shop};

#[tokio::test(flavor = "multi_thread")]
async fn a_basket_is_bought_once() {
    on_each_database(async |database| {
        let shop = Shop::open(database).await;
        let ada = shop.customer("ada").await;
        ada.put(&shop, 1, 2).await;
        ada.put(&shop, 3, 1).await;

        let bought = ada.buy(&shop, "first", CARD).await;
        assert_eq!(bought.status, 201, "{bought:?}");
        assert_eq!(bought.body["status"], "confirmed");
        assert_eq!(bought.body["total"], json!({ "amount": 3_048, "currency": "EUR" }));
        assert_eq!(bought.body["lines"][0]["title"], "Middlemarch");
        assert_eq!(bought.body["lines"][0]["quantity"], 2);
        let id = bought.body["id"].as_str().unwrap();
        assert_eq!(bought.headers["location"], format!("/api/v1/orders/{id}"));
        assert_eq!(ada.copies_in_basket(&shop).await, 0);

        // The same again, whatever is in the basket by then.
        ada.put(&shop, 2, 1).await;
        assert_eq!(ada.buy(&shop, "first", "4242 4242 4242 4242").await.body, bought.body);
        assert_eq!(ada.buy(&shop, "first", OTHER_CARD).await.problem(), (422, "/problems/idempotency-key-reused"));
        assert_eq!(ada.copies_in_basket(&shop).await, 1);

        assert_eq!(ada.get(&shop, &format!("/api/v1/orders/{id}")).await.body, bought.body);
        assert_eq!(ada.get(&shop, "/api/v1/orders").await.body, json!({ "items": [bought.body] }));
        let bob = shop.customer("bob").await;
        assert_eq!(bob.get(&shop, &format!("/api/v1/orders/{id}")).await.status, 404);
        assert_eq!(bob.get(&shop, "/api/v1/orders").await.body, json!({ "items": [] }));
        // A key is its user's own.
        bob.put(&shop, 2, 1).await;
        assert_eq!(bob.buy(&shop, "first", CARD).await.body["total"]["amount"], 999);

        let world = shop.upstreams.world();
        assert_eq!(world.captured(), 3_048 + 999);
        assert_eq!((world.stock[&1], world.stock[&2], world.stock[&3]), (8, 9, 9));
        assert!(world.reservations.values().all(|held| held.status == ReservationStatus::Committed));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_declined_card_leaves_everything_as_it_was() {
    on_each_database(async |database| {
        let shop = Shop::open(database).await;
        let ada = shop.customer("ada").await;
        ada.put(&shop, 1, 2).await;
        for _ in 0..2 {
            let declined = ada.buy(&shop, "poor", POOR_CARD).await;
            assert_eq!(declined.problem(), (402, "/problems/card-declined"));
            assert_eq!(declined.body["reason"], "insufficient_funds");
        }
        assert_eq!(shop.upstreams.asked("authorise"), 1);
        {
            let world = shop.upstreams.world();
            assert_eq!((world.stock[&1], world.captured()), (10, 0));
        }
        assert_eq!(ada.copies_in_basket(&shop).await, 2);
        assert_eq!(ada.get(&shop, "/api/v1/orders").await.body["items"][0]["status"], "declined");
        assert_eq!(ada.buy(&shop, "rich", CARD).await.status, 201);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_out_of_stock_is_named() {
    on_each_database(async |database| {
        let shop = Shop::open(database).await;
        let ada = shop.customer("ada").await;
        ada.put(&shop, 1, 2).await;
        ada.put(&shop, 2, 11).await;
        for _ in 0..2 {
            let short = ada.buy(&shop, "many", CARD).await;
            assert_eq!(short.problem(), (409, "/problems/out-of-stock"));
            let books = json!([{ "book_id": 2, "title": "Emma", "requested": 11, "available": 10 }]);
            assert_eq!(short.body["books"], books);
        }
        assert_eq!(shop.upstreams.world().stock[&1], 10);
        assert_eq!(shop.upstreams.asked("authorise"), 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_requests_with_one_key_one_buys() {
    on_each_database(async |database| {
        let shop = Shop::open(database).await;
        let ada = shop.customer("ada").await;
        ada.put(&shop, 1, 1).await;
        let requests: Vec<_> = (0..20).map(|_| tokio::spawn(Answer::of(ada.order(&shop, "same", CARD)))).collect();
        for request in requests {
            let answer = request.await.unwrap();
            assert!(matches!(answer.problem(), (201, _) | (409, "/problems/order-in-progress")), "{answer:?}");
        }
        assert_eq!(ada.buy_in_the_end(&shop, "same", CARD).await.status, 201);
        assert_eq!(shop.upstreams.world().captured(), 1_299);
        assert_eq!(shop.rows("SELECT id FROM orders").await.len(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_first_runs_the_second_is_told_to_wait() {
    on_each_database(async |database| {
        let shop = Shop::open(database).await;
        let ada = shop.customer("ada").await;
        ada.put(&shop, 1, 1).await;
        let gate = shop.upstreams.gate("authorise");
        let first = tokio::spawn(Answer::of(ada.order(&shop, "k", CARD)));
        shop.upstreams.arrived("authorise", 1).await;
        let second = ada.buy(&shop, "k", CARD).await;
        assert_eq!(second.problem(), (409, "/problems/order-in-progress"));
        assert_eq!(second.headers["retry-after"], "1");
        assert_eq!(ada.buy(&shop, "k", OTHER_CARD).await.problem(), (422, "/problems/idempotency-key-reused"));
        gate.open();
        let first = first.await.unwrap();
        assert_eq!(first.status, 201);
        assert_eq!(first.body["id"], second.body["order_id"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_goes_on_when_its_buyer_hangs_up() {
    on_each_database(async |database| {
        let shop = Shop::open(database).await;
        let ada = shop.customer("ada").await;
        ada.put(&shop, 1, 1).await;
        let gate = shop.upstreams.gate("authorise");
        let request = tokio::spawn(Answer::of(ada.order(&shop, "k", CARD)));
        shop.upstreams.arrived("authorise", 1).await;
        request.abort();
        assert!(request.await.unwrap_err().is_cancelled());
        gate.open();
        assert_eq!(ada.buy_in_the_end(&shop, "k", CARD).await.status, 201);
        assert_eq!(shop.upstreams.asked("authorise"), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_goes_on_when_its_time_is_over() {
    on_each_database(async |database| {
        let settings = Settings { request_limit: Duration::from_secs(1), ..Settings::default() };
        let shop = Shop::open_with(database, settings).await;
        let ada = shop.customer("ada").await;
        ada.put(&shop, 1, 1).await;
        let gate = shop.upstreams.gate("authorise");
        let late = ada.buy(&shop, "k", CARD).await;
        assert_eq!(late.problem(), (504, "/problems/order-undecided"));
        gate.open();
        let bought = ada.buy_in_the_end(&shop, "k", CARD).await;
        assert_eq!((bought.status, &bought.body["id"]), (201, &late.body["order_id"]));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_service_nothing_is_half_done_and_the_key_can_be_used_again() {
    on_each_database(async |database| {
        let shop = Shop::open(database).await;
        let ada = shop.customer("ada").await;
        for down in ["price", "reserve", "authorise"] {
            ada.put(&shop, 1, 1).await;
            shop.upstreams.down(down);
            let failed = ada.buy(&shop, down, CARD).await;
            assert_eq!(failed.problem(), (503, "/problems/order-failed"), "{down}");
            assert!(failed.headers.contains_key("retry-after"));
            {
                let world = shop.upstreams.world();
                assert_eq!(world.captured(), 0, "{down}");
                assert!(world.payments.values().all(|payment| payment.status == PaymentStatus::Voided), "{down}");
                assert_eq!(world.stock[&1], 10, "{down}");
            }
            shop.upstreams.heal(down);
            let bought = ada.buy(&shop, down, CARD).await;
            assert_eq!(bought.status, 201, "{down}: {bought:?}");
            assert_ne!(bought.body["id"], failed.body["order_id"]);
            let mut world = shop.upstreams.world();
            world.payments.clear();
            world.stock.insert(1, 10);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn at_its_end_the_shop_finishes_what_was_begun_and_begins_nothing() {
    on_each_database(async |database| {
        let mut shop = Shop::open(database).await;
        let ada = shop.customer("ada").await;
        let bob = shop.customer("bob").await;
        ada.put(&shop, 1, 1).await;
        bob.put(&shop, 1, 1).await;
        let gate = shop.upstreams.gate("capture");
        // On a connection that is there already: new ones are not accepted any more.
        let held = tokio::spawn(Answer::of(ada.order(&shop, "k", CARD)));
        shop.upstreams.arrived("capture", 1).await;
        shop.terminate();
        assert!(!shop.has_ended());
        gate.open();
        assert_eq!(held.await.unwrap().status, 201);
        shop.until(async || shop.has_ended()).await;
        assert_eq!(shop.rows("SELECT step FROM sagas").await, ["done"]);
    })
    .await;
}
