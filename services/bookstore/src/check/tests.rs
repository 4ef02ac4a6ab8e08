//! For each invariant rows that break it, planted by hand in tables that the services' own migrations have made.

use bookstore_runtime::Db;
use bookstore_runtime::db::DatabaseConfig;
use bookstore_runtime::testing::TestDatabase;
use sqlx::{AnyConnection, Connection as _, Executor as _};

use super::databases::Opened;
use super::read;
use crate::service::Service;

/// Two copies of book 1 sold to orders a and e, one pinned for b, one held for c; book 2 untouched. Order b is at its
/// capture.
const INVENTORY: &str = "
    INSERT INTO stock (book_id, on_hand, reserved, sold, version) VALUES (1, 6, 2, 2, 9), (2, 5, 0, 0, 1);
    INSERT INTO restocks (restock_id, book_id, quantity, restocked_at_ms) VALUES ('r1', 1, 7, 1), ('r2', 1, 3, 2), ('r3', 2, 5, 1);
    INSERT INTO reservations (id, status, expires_at_ms, created_at_ms, updated_at_ms) VALUES
        ('a', 'committed', NULL, 1, 1), ('e', 'committed', NULL, 1, 1), ('b', 'pinned', NULL, 1, 1),
        ('c', 'held', 99999999999999, 1, 1), ('d', 'released', NULL, 1, 1);
    INSERT INTO reservation_lines (reservation_id, book_id, quantity) VALUES
        ('a', 1, 1), ('e', 1, 1), ('b', 1, 1), ('c', 1, 1), ('d', 1, 4);";
const PAYMENT: &str = "
    INSERT INTO payments (payment_id, status, user_id, amount, currency, created_at, updated_at) VALUES
        ('a', 'captured', 'ada', 500, 'EUR', 1, 1), ('e', 'captured', 'ada', 500, 'EUR', 1, 1),
        ('b', 'authorised', 'ada', 500, 'EUR', 1, 1);";
const STOREFRONT: &str = "
    INSERT INTO orders (id, user_id, idempotency_key, status, total, currency, placed_at_ms, updated_at_ms) VALUES
        ('a', 'ada', 'key-a', 'confirmed', 500, 'EUR', 1, 1), ('e', 'ada', 'key-e', 'confirmed', 500, 'EUR', 1, 1),
        ('b', 'ada', 'key-b', 'pending', 500, 'EUR', 1, 1), ('d', 'ada', 'key-d', 'failed', 2000, 'EUR', 1, 1);
    INSERT INTO order_lines (order_id, book_id, quantity, title, unit_price) VALUES
        ('a', 1, 1, 'Middlemarch', 500), ('e', 1, 1, 'Middlemarch', 500), ('b', 1, 1, 'Middlemarch', 500),
        ('d', 1, 4, 'Middlemarch', 500);
    INSERT INTO sagas (order_id, step, outcome, lease_until_ms, request_id, started_at_ms, updated_at_ms) VALUES
        ('a', 'done', 'confirmed', 0, 'r', 1, 1), ('e', 'done', 'confirmed', 0, 'r', 1, 1), ('b', 'capture', NULL, 0, 'r', 1, 1),
        ('d', 'undone', 'failed', 0, 'r', 1, 1);
    INSERT INTO idempotency_keys (user_id, key, order_id, body_mac, created_at_ms) VALUES
        ('ada', 'key-a', 'a', 'm', 1), ('ada', 'key-e', 'e', 'm', 1), ('ada', 'key-b', 'b', 'm', 1);";

/// Damage, how it is mended, the invariant that it breaks (by a part of its name), and the row that must be named.
struct Damage {
    to: Service,
    break_it: &'static str,
    mend_it: &'static str,
    invariant: &'static str,
    row: (&'static str, &'static str),
}

const DAMAGES: &[Damage] = &[
    Damage {
        to: Service::Inventory,
        break_it: "UPDATE stock SET on_hand = on_hand - 1 WHERE book_id = 2",
        mend_it: "UPDATE stock SET on_hand = on_hand + 1 WHERE book_id = 2",
        invariant: "restocking",
        row: ("inventory.stock", "2"),
    },
    Damage {
        to: Service::Inventory,
        break_it: "UPDATE stock SET on_hand = on_hand - 1, reserved = reserved + 1 WHERE book_id = 1",
        mend_it: "UPDATE stock SET on_hand = on_hand + 1, reserved = reserved - 1 WHERE book_id = 1",
        invariant: "what the reservations say",
        row: ("inventory.stock", "1"),
    },
    Damage {
        to: Service::Inventory,
        break_it: "UPDATE stock SET on_hand = on_hand - 1, sold = sold + 1 WHERE book_id = 2",
        mend_it: "UPDATE stock SET on_hand = on_hand + 1, sold = sold - 1 WHERE book_id = 2",
        invariant: "what the reservations say",
        row: ("inventory.stock", "2"),
    },
    Damage {
        to: Service::Inventory,
        break_it: "UPDATE reservations SET expires_at_ms = 1 WHERE id = 'c'",
        mend_it: "UPDATE reservations SET expires_at_ms = 99999999999999 WHERE id = 'c'",
        invariant: "outlives its expiry",
        row: ("inventory.reservations", "c"),
    },
    Damage {
        to: Service::Inventory,
        break_it: "UPDATE reservations SET status = 'pinned', expires_at_ms = NULL WHERE id = 'c'",
        mend_it: "UPDATE reservations SET status = 'held', expires_at_ms = 99999999999999 WHERE id = 'c'",
        invariant: "just what they name",
        row: ("inventory.reservations", "c"),
    },
    Damage {
        to: Service::Storefront,
        break_it: "UPDATE order_lines SET book_id = 2 WHERE order_id = 'a'",
        mend_it: "UPDATE order_lines SET book_id = 1 WHERE order_id = 'a'",
        invariant: "just what they name",
        row: ("storefront.orders", "a"),
    },
    Damage {
        to: Service::Payment,
        break_it: "UPDATE payments SET amount = 501 WHERE payment_id = 'a'",
        mend_it: "UPDATE payments SET amount = 500 WHERE payment_id = 'a'",
        invariant: "money captured",
        row: ("payment.payments", "a"),
    },
    Damage {
        to: Service::Payment,
        break_it: "UPDATE payments SET status = 'voided' WHERE payment_id = 'e'",
        mend_it: "UPDATE payments SET status = 'captured' WHERE payment_id = 'e'",
        invariant: "money captured",
        row: ("storefront.orders", "e"),
    },
    Damage {
        to: Service::Payment,
        break_it: "INSERT INTO payments (payment_id, status, user_id, amount, currency, created_at, updated_at) \
                   VALUES ('d', 'captured', 'ada', 2000, 'EUR', 1, 1)",
        mend_it: "DELETE FROM payments WHERE payment_id = 'd'",
        invariant: "money captured",
        row: ("payment.payments", "d"),
    },
    Damage {
        to: Service::Storefront,
        break_it: "UPDATE orders SET total = 499 WHERE id = 'a'",
        mend_it: "UPDATE orders SET total = 500 WHERE id = 'a'",
        invariant: "money captured",
        row: ("storefront.orders", "a"),
    },
    Damage {
        to: Service::Storefront,
        break_it: "UPDATE orders SET idempotency_key = 'key-a' WHERE id = 'e'",
        mend_it: "UPDATE orders SET idempotency_key = 'key-e' WHERE id = 'e'",
        invariant: "never buys twice",
        row: ("storefront.orders", "e"),
    },
    Damage {
        to: Service::Storefront,
        break_it: "DELETE FROM idempotency_keys WHERE order_id = 'a'",
        mend_it: "INSERT INTO idempotency_keys (user_id, key, order_id, body_mac, created_at_ms) \
                  VALUES ('ada', 'key-a', 'a', 'm', 1)",
        invariant: "never buys twice",
        row: ("storefront.orders", "a"),
    },
    Damage {
        to: Service::Storefront,
        break_it: "UPDATE sagas SET step = 'commit' WHERE order_id = 'a'",
        mend_it: "UPDATE sagas SET step = 'done' WHERE order_id = 'a'",
        invariant: "end as their sagas do",
        row: ("storefront.orders", "a"),
    },
];

/// The databases of a shop, with the rows above in them.
struct Planted {
    databases: [(Service, TestDatabase, AnyConnection); 3],
}

impl Planted {
    async fn in_databases(databases: [TestDatabase; 3]) -> Self {
        let [inventory, payment, storefront] = databases;
        Self {
            databases: [
                plant(Service::Inventory, inventory, &bookstore_inventory::MIGRATIONS, INVENTORY).await,
                plant(Service::Payment, payment, &bookstore_payment::MIGRATIONS, PAYMENT).await,
                plant(Service::Storefront, storefront, &bookstore_storefront::MIGRATIONS, STOREFRONT).await,
            ],
        }
    }

    async fn run(&mut self, to: Service, sql: &'static str) {
        let (_, _, connection) = self.databases.iter_mut().find(|(service, ..)| *service == to).unwrap();
        connection.execute(sql).await.unwrap();
    }

    async fn opened(&self) -> Opened {
        let url = |wanted| {
            let (_, database, _) = self.databases.iter().find(|(service, ..)| *service == wanted).unwrap();
            database.config.url.expose().clone()
        };
        Opened::of_test(url).await.unwrap()
    }
}

async fn plant(
    service: Service,
    database: TestDatabase,
    migrations: &'static sqlx::migrate::Migrator,
    rows: &'static str,
) -> (Service, TestDatabase, AnyConnection) {
    let DatabaseConfig { url, .. } = &database.config;
    Db::connect(&database.config, migrations).await.unwrap().close().await;
    let mut connection = AnyConnection::connect(url.expose()).await.unwrap();
    for statement in rows.split_inclusive(';') {
        connection.execute(statement).await.unwrap();
    }
    (service, database, connection)
}

async fn each_damage_is_named(mut planted: Planted) {
    let mut opened = planted.opened().await;
    let sound = read(&mut opened).await.unwrap();
    assert!(sound.is_sound(), "{}", sound.text());
    assert_eq!(sound.under_way, [("capture".to_owned(), 1)]);
    for damage in DAMAGES {
        planted.run(damage.to, damage.break_it).await;
        let report = read(&mut opened).await.unwrap();
        let broken: Vec<_> = report.findings.iter().filter(|finding| !finding.broken.is_empty()).collect();
        let [finding] = broken[..] else { panic!("{}: {}", damage.break_it, report.text()) };
        assert!(finding.invariant.contains(damage.invariant), "{}: {}", damage.break_it, report.text());
        let (table, id) = damage.row;
        let named = finding.broken.iter().any(|row| (row.table, &*row.id) == (table, id));
        assert!(named, "{}: {}", damage.break_it, report.text());
        assert!(report.text().contains(&format!("{table} {id}: ")), "{}", report.text());
        planted.run(damage.to, damage.mend_it).await;
    }
    let mended = read(&mut opened).await.unwrap();
    assert!(mended.is_sound(), "{}", mended.text());
    opened.close().await;
}

#[tokio::test]
async fn each_damage_is_named_on_sqlite() {
    let databases = [TestDatabase::sqlite(), TestDatabase::sqlite(), TestDatabase::sqlite()];
    each_damage_is_named(Planted::in_databases(databases).await).await;
}

#[tokio::test]
async fn each_damage_is_named_on_postgresql() {
    let mut databases = Vec::new();
    for _ in 0..3 {
        let Some(database) = TestDatabase::postgres().await else { return };
        databases.push(database);
    }
    let Ok(databases) = databases.try_into() else { unreachable!("there are three") };
    each_damage_is_named(Planted::in_databases(databases).await).await;
}

#[tokio::test]
async fn money_that_is_taken_before_the_order_is_confirmed_is_under_way() {
    let databases = [TestDatabase::sqlite(), TestDatabase::sqlite(), TestDatabase::sqlite()];
    let mut planted = Planted::in_databases(databases).await;
    planted.run(Service::Payment, "UPDATE payments SET status = 'captured' WHERE payment_id = 'b'").await;
    let mut opened = planted.opened().await;
    let report = read(&mut opened).await.unwrap();
    assert!(report.is_sound(), "{}", report.text());
    assert_eq!((report.money.captured, report.money.confirmed, report.money.under_way), (1_500, 1_000, 500));
    planted.run(Service::Storefront, "UPDATE sagas SET step = 'authorise' WHERE order_id = 'b'").await;
    let report = read(&mut opened).await.unwrap();
    let text = report.text();
    assert!(
        text.contains("payment.payments b: captured 500 EUR, but its order is pending at step authorise"),
        "{text}"
    );
    opened.close().await;
}

/// SQLite's own shell does not hold tables to their references.
#[tokio::test]
async fn a_book_without_its_row_is_named() {
    let databases = [TestDatabase::sqlite(), TestDatabase::sqlite(), TestDatabase::sqlite()];
    let mut planted = Planted::in_databases(databases).await;
    planted.run(Service::Inventory, "PRAGMA foreign_keys = OFF").await;
    planted.run(Service::Inventory, "DELETE FROM stock").await;
    let mut opened = planted.opened().await;
    let text = read(&mut opened).await.unwrap().text();
    for line in [
        "inventory.stock 1: on_hand 0 + reserved 0 + sold 0 = 0, but 10 were restocked",
        "inventory.stock 2: on_hand 0 + reserved 0 + sold 0 = 0, but 5 were restocked",
        "inventory.stock 1: reserved 0, sold 0, but reservations say reserved 2, sold 2",
    ] {
        assert!(text.contains(line), "{text}");
    }
    opened.close().await;
}

#[tokio::test]
async fn nothing_can_be_written_by_the_check() {
    let databases = [TestDatabase::sqlite(), TestDatabase::sqlite(), TestDatabase::sqlite()];
    let mut opened = Planted::in_databases(databases).await.opened().await;
    let refused: anyhow::Result<Vec<(i64,)>> =
        opened.inventory.rows("UPDATE stock SET on_hand = 0 RETURNING book_id").await;
    assert!(refused.is_err());
}
