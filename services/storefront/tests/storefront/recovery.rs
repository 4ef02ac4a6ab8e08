//! Whatever is killed or lost in the middle of a purchase, it is finished or undone.

use std::time::Duration;

use bookstore_proto::inventory::ReservationStatus;
use bookstore_proto::payment::PaymentStatus;
use bookstore_runtime::testing::on_each_database;

use crate::shop::{Answer, CARD, Settings, Shop};

/// On PostgreSQL a saga is taken over when its lease has run out.
const SHORT_LEASE: Settings = Settings {
    request_limit: Duration::from_secs(10),
    lease: Duration::from_millis(1_500),
    step_limit: Duration::from_millis(1_500),
};

/// Kills the storefront while `call` is waited for, starts it again, and says how the order ended.
async fn killed_at(shop: &mut Shop, call: &'static str, step: &str) -> String {
    let ada = shop.customer("ada").await;
    ada.put(shop, 1, 2).await;
    let gate = shop.upstreams.gate(call);
    let before = shop.upstreams.asked(call);
    let request = tokio::spawn(ada.order(shop, "k", CARD).send());
    shop.upstreams.arrived(call, before + 1).await;
    assert_eq!(shop.step().await, step);
    shop.kill();
    drop(request.await.unwrap());
    shop.upstreams.heal(call);
    shop.start().await;
    shop.until(async || matches!(&*shop.step().await, "done" | "undone")).await;
    gate.open();
    shop.rows("SELECT status FROM orders").await.remove(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_before_the_money_is_taken_an_order_is_undone() {
    for (call, step) in [("price", "price"), ("reserve", "reserve"), ("authorise", "authorise")] {
        on_each_database(async |database| {
            let mut shop = Shop::open_with(database, SHORT_LEASE).await;
            // The basket asks for prices too.
            let status = if call == "price" {
                killed_while_pricing(&mut shop).await
            } else {
                killed_at(&mut shop, call, step).await
            };
            assert_eq!(status, "failed", "{call}");
            assert_eq!(shop.rows("SELECT reason FROM orders").await, ["interrupted"]);
            assert_eq!(shop.rows("SELECT key FROM idempotency_keys").await, [""; 0]);
            let world = shop.upstreams.world();
            assert_eq!((world.captured(), world.stock[&1]), (0, 10), "{call}");
            assert!(world.payments.values().all(|payment| payment.status == PaymentStatus::Voided), "{call}");
        })
        .await;
    }
}

async fn killed_while_pricing(shop: &mut Shop) -> String {
    let ada = shop.customer("ada").await;
    ada.put(shop, 1, 2).await;
    let before = shop.upstreams.asked("price");
    let _gate = shop.upstreams.gate("price");
    let request = tokio::spawn(ada.order(shop, "k", CARD).send());
    shop.upstreams.arrived("price", before + 1).await;
    assert_eq!(shop.step().await, "price");
    shop.kill();
    drop(request.await.unwrap());
    shop.upstreams.heal("price");
    shop.start().await;
    shop.until(async || shop.step().await == "undone").await;
    shop.rows("SELECT status FROM orders").await.remove(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_once_the_money_may_be_taken_an_order_is_finished() {
    for (call, step) in [("pin", "capture"), ("capture", "capture"), ("commit", "commit")] {
        on_each_database(async |database| {
            let mut shop = Shop::open_with(database, SHORT_LEASE).await;
            assert_eq!(killed_at(&mut shop, call, step).await, "confirmed", "{call}");
            let world = shop.upstreams.world();
            assert_eq!((world.captured(), world.stock[&1]), (2_598, 8), "{call}");
            assert!(world.reservations.values().all(|held| held.status == ReservationStatus::Committed), "{call}");
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_are_lost_are_asked_for_again() {
    for call in ["pin", "capture", "commit"] {
        on_each_database(async |database| {
            let shop = Shop::open(database).await;
            let ada = shop.customer("ada").await;
            ada.put(&shop, 1, 1).await;
            shop.upstreams.silent(call);
            let undecided = ada.buy(&shop, "k", CARD).await;
            assert_eq!(undecided.problem(), (503, "/problems/order-undecided"), "{call}");
            shop.upstreams.heal(call);
            let bought = ada.buy_in_the_end(&shop, "k", CARD).await;
            assert_eq!((bought.status, &bought.body["id"]), (201, &undecided.body["order_id"]), "{call}");
            assert_eq!(shop.upstreams.world().captured(), 1_299);
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_undone_now_is_undone_later() {
    for call in ["void", "release"] {
        on_each_database(async |database| {
            let shop = Shop::open(database).await;
            let ada = shop.customer("ada").await;
            ada.put(&shop, 1, 1).await;
            shop.upstreams.silent("authorise");
            shop.upstreams.down(call);
            let undecided = ada.buy(&shop, "k", CARD).await;
            assert_eq!(undecided.problem(), (503, "/problems/order-undecided"), "{call}");
            assert_eq!(shop.step().await, call);
            shop.upstreams.heal("authorise");
            shop.upstreams.heal(call);
            shop.until(async || shop.step().await == "undone").await;
            let world = shop.upstreams.world();
            assert_eq!((world.captured(), world.stock[&1]), (0, 10), "{call}");
            assert!(world.payments.values().all(|payment| payment.status == PaymentStatus::Voided), "{call}");
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_arrives_after_all_is_undone_does_nothing() {
    for call in ["reserve", "authorise"] {
        on_each_database(async |database| {
            let shop = Shop::open(database).await;
            let ada = shop.customer("ada").await;
            ada.put(&shop, 1, 1).await;
            let gate = shop.upstreams.late(call);
            assert_eq!(ada.buy(&shop, "k", CARD).await.problem(), (503, "/problems/order-failed"), "{call}");
            shop.upstreams.heal(call);
            gate.open();
            // It has arrived when nobody but us holds the gate any more.
            shop.until(async || gate.is_passed()).await;
            let world = shop.upstreams.world();
            assert_eq!((world.captured(), world.stock[&1]), (0, 10), "{call}");
            assert!(world.reservations.values().all(|held| held.status == ReservationStatus::Released), "{call}");
            assert!(world.payments.values().all(|payment| payment.status == PaymentStatus::Voided), "{call}");
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reservation_that_expires_before_the_money_is_taken_undoes_the_order() {
    on_each_database(async |database| {
        let shop = Shop::open(database).await;
        let ada = shop.customer("ada").await;
        ada.put(&shop, 1, 1).await;
        let gate = shop.upstreams.gate("pin");
        let request = tokio::spawn(Answer::of(ada.order(&shop, "k", CARD)));
        shop.upstreams.arrived("pin", 1).await;
        shop.upstreams.world().expire_reservations();
        gate.open();
        assert_eq!(request.await.unwrap().problem(), (503, "/problems/order-failed"));
        shop.upstreams.heal("pin");
        {
            let world = shop.upstreams.world();
            assert_eq!((world.captured(), world.stock[&1]), (0, 10));
            assert!(world.payments.values().all(|payment| payment.status == PaymentStatus::Voided));
        }
        assert_eq!(ada.buy(&shop, "k", CARD).await.status, 201);
    })
    .await;
}
