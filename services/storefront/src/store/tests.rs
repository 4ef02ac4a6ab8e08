//! What two storefronts, or two browsers of one customer, may do to each other.

use std::time::Duration;

use bookstore_runtime::testing::{TestDatabase, on_each_database};
use bookstore_runtime::{Call, Db};
use bookstore_telemetry::Sensitive;

use super::*;
use crate::checkout::machine::{Outcome, Step};
use crate::model::{GuestId, MOST_BOOKS, Order, OrderStatus, Owner};

const FAR: i64 = i64::MAX;

async fn store(database: &TestDatabase) -> (Store, Call) {
    let db = Db::connect(&database.config, &crate::MIGRATIONS).await.unwrap();
    (Store::new(db), Call::new_root(Duration::from_secs(30)))
}

fn item(book_id: i64, quantity: i64) -> Item {
    Item { book_id, quantity }
}

fn user() -> Owner {
    Owner::User("ada".to_owned())
}

async fn place(store: &Store, call: &Call, id: &str, key: &str, items: &[Item]) -> Option<Saga> {
    let new = NewOrder { id, user_id: "ada", key, body_mac: "00", items, owner: "first", lease_until_ms: FAR };
    store.place(call, new).await.unwrap()
}

async fn order(store: &Store, call: &Call, id: &str) -> Order {
    store.order(call, "ada", id).await.unwrap().unwrap()
}

#[test]
fn placeholders_count_on() {
    assert_eq!(placeholders(2, 2, 2), "($2, $3), ($4, $5)");
}

#[tokio::test]
async fn a_guests_basket_goes_into_the_users_as_far_as_it_has_room() {
    on_each_database(async |database| {
        let (store, call) = store(&database).await;
        let guest = GuestId::of(&Sensitive::new("token".to_owned()));
        let guests = Owner::Guest(guest.clone());
        for book in 1..MOST_BOOKS as i64 {
            store.put(&call, &user(), item(book, 1)).await.unwrap().unwrap();
        }
        store.put(&call, &user(), item(1, 60)).await.unwrap();
        for (book, quantity) in [(1, 60), (2, 3), (101, 7), (102, 8)] {
            store.put(&call, &guests, item(book, quantity)).await.unwrap().unwrap();
        }
        store.merge(&call, &guest, "ada").await.unwrap();
        let merged = store.items(&call, &user()).await.unwrap();
        assert_eq!(merged.len(), MOST_BOOKS);
        for expected in [item(1, 99), item(2, 4), item(3, 1), item(101, 7)] {
            assert!(merged.contains(&expected), "{expected:?}");
        }
        assert_eq!(store.items(&call, &guests).await.unwrap(), []);
        // It is gone, so a second log-in adds nothing.
        store.merge(&call, &guest, "ada").await.unwrap();
        assert_eq!(store.items(&call, &user()).await.unwrap(), merged);
        assert!(store.put(&call, &user(), item(200, 1)).await.unwrap().is_none(), "it is full");
    })
    .await;
}

#[tokio::test]
async fn baskets_of_guests_age_and_those_of_users_do_not() {
    on_each_database(async |database| {
        let (store, call) = store(&database).await;
        let guest = Owner::Guest(GuestId::of(&Sensitive::new("token".to_owned())));
        for owner in [&guest, &user()] {
            store.put(&call, owner, item(1, 2)).await.unwrap();
        }
        assert_eq!(store.remove_old_guests(&call, 0, 10).await.unwrap(), 0);
        assert_eq!(store.remove_old_guests(&call, FAR, 10).await.unwrap(), 1);
        assert_eq!(store.copies(&call, &guest).await.unwrap(), 0);
        assert_eq!(store.copies(&call, &user()).await.unwrap(), 2);
    })
    .await;
}

#[tokio::test]
async fn what_was_added_while_an_order_ran_stays_in_the_basket() {
    on_each_database(async |database| {
        let (store, call) = store(&database).await;
        for book in [1, 2, 3] {
            store.put(&call, &user(), item(book, 2)).await.unwrap();
        }
        let items = store.items(&call, &user()).await.unwrap();
        let mut saga = place(&store, &call, "o1", "k", &items).await.unwrap();
        store.put(&call, &user(), item(1, 5)).await.unwrap();
        store.put(&call, &user(), item(2, 1)).await.unwrap();
        store.put(&call, &user(), item(4, 1)).await.unwrap();
        let (done, outcome) = (Step::Done, Some(Outcome::Confirmed));
        store.advance(&call, &mut saga, done, outcome, Change::default(), FAR).await.unwrap();
        assert_eq!(store.items(&call, &user()).await.unwrap(), [item(1, 3), item(4, 1)]);
        assert_eq!(order(&store, &call, "o1").await.status, OrderStatus::Confirmed);
    })
    .await;
}

#[tokio::test]
async fn a_key_stands_for_one_order_until_that_has_failed() {
    on_each_database(async |database| {
        let (store, call) = store(&database).await;
        let mut saga = place(&store, &call, "o1", "k", &[item(1, 1)]).await.unwrap();
        assert!(place(&store, &call, "o2", "k", &[item(1, 1)]).await.is_none());
        assert!(store.order(&call, "ada", "o2").await.unwrap().is_none(), "nothing of it is left");
        let change = Change { reason: Some("unavailable"), ..Change::default() };
        store.advance(&call, &mut saga, Step::Undone, Some(Outcome::Failed), change, FAR).await.unwrap();
        assert_eq!(order(&store, &call, "o1").await.reason.as_deref(), Some("unavailable"));

        let mut saga = place(&store, &call, "o3", "k", &[item(1, 1)]).await.unwrap();
        let change = Change { reason: Some("out_of_stock"), short: vec![(1, 0)], ..Change::default() };
        store.advance(&call, &mut saga, Step::Undone, Some(Outcome::OutOfStock), change, FAR).await.unwrap();
        assert!(place(&store, &call, "o4", "k", &[item(1, 1)]).await.is_none());
        assert_eq!(order(&store, &call, "o3").await.lines[0].available, Some(0));
    })
    .await;
}

#[tokio::test]
async fn of_two_owners_only_the_later_one_can_record_a_step() {
    on_each_database(async |database| {
        let (store, call) = store(&database).await;
        let mut slow = place(&store, &call, "o1", "k", &[item(1, 2)]).await.unwrap();
        let priced = vec![PricedLine { book_id: 1, quantity: 2, title: "Emma".to_owned(), unit_price: 999 }];
        let change = Change { priced, ..Change::default() };
        store.advance(&call, &mut slow, Step::Reserve, None, change, 5).await.unwrap();
        assert_eq!((slow.total, order(&store, &call, "o1").await.total.amount), (1_998, 1_998));

        assert_eq!(store.due(&call, 4, 10).await.unwrap(), []);
        let due = store.due(&call, 5, 10).await.unwrap();
        assert_eq!(due, [("o1".to_owned(), slow.version)]);
        let mut next = store.claim(&call, "o1", slow.version, "second", FAR).await.unwrap().unwrap();
        assert_eq!((next.step, next.total, &next.lines), (Step::Reserve, 1_998, &slow.lines));
        assert!(store.claim(&call, "o1", slow.version, "third", FAR).await.unwrap().is_none());

        // The slow owner comes back, in each of the ways it might.
        let change = || Change { reason: Some("unavailable"), ..Change::default() };
        for (step, change) in
            [(Step::Authorise, Change::default()), (Step::Release, change()), (Step::Undone, change())]
        {
            let outcome = Some(Outcome::Failed);
            let lost = store.advance(&call, &mut slow.clone(), step, outcome, change, FAR).await.unwrap_err();
            assert!(matches!(lost, Lost::TakenOver), "{step}: {lost}");
        }
        assert!(matches!(store.park(&call, &slow, 0).await.unwrap_err(), Lost::TakenOver));
        assert_eq!(order(&store, &call, "o1").await.status, OrderStatus::Pending);

        store.advance(&call, &mut next, Step::Release, Some(Outcome::Failed), change(), FAR).await.unwrap();
        store.park(&call, &next, 7).await.unwrap();
        let due = store.due(&call, 7, 10).await.unwrap();
        let parked = store.claim(&call, "o1", due[0].1, "first", FAR).await.unwrap().unwrap();
        assert_eq!((parked.step, parked.attempts, parked.outcome), (Step::Release, 1, Some(Outcome::Failed)));
    })
    .await;
}

#[tokio::test]
async fn leases_of_a_process_that_is_gone_can_be_ended_at_once() {
    on_each_database(async |database| {
        let (store, call) = store(&database).await;
        place(&store, &call, "o1", "k", &[item(1, 1)]).await.unwrap();
        let mut ended = place(&store, &call, "o2", "l", &[item(1, 1)]).await.unwrap();
        let outcome = Some(Outcome::Confirmed);
        store.advance(&call, &mut ended, Step::Done, outcome, Change::default(), FAR).await.unwrap();
        assert_eq!(store.due(&call, FAR - 1, 10).await.unwrap(), []);
        assert_eq!(store.orphan_all(&call).await.unwrap(), 1);
        assert_eq!(store.due(&call, 0, 10).await.unwrap().len(), 1);
    })
    .await;
}
