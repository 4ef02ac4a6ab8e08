//! Random operations: one after the other compared with the model, and many at once held to the invariants.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bookstore_runtime::testing::TestDatabase;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::model::{Answer, Copies, Model};
use super::{call, inventory, lines, new_id, restock};
use crate::error::Error;
use crate::inventory::Inventory;
use crate::model::{CallerId, Reservation, Reserved};

const BOOKS: i64 = 3;
const SLOTS: usize = 4;

/// Books and reservations are numbered from zero within a run.
#[derive(Clone, Debug)]
enum Operation {
    Restock { book: i64, quantity: i64 },
    Reserve { slot: usize, wanted: Vec<(i64, i64)> },
    Pin { slot: usize },
    Commit { slot: usize },
    Release { slot: usize },
    Wait { ms: i64 },
    Sweep,
}

fn operation() -> impl Strategy<Value = Operation> {
    let wanted = proptest::collection::btree_map(0..BOOKS, 1..6_i64, 1..=BOOKS as usize);
    prop_oneof![
        2 => (0..BOOKS, 1..12_i64).prop_map(|(book, quantity)| Operation::Restock { book, quantity }),
        5 => (0..SLOTS, wanted).prop_map(|(slot, wanted)| Operation::Reserve { slot, wanted: wanted.into_iter().collect() }),
        2 => (0..SLOTS).prop_map(|slot| Operation::Pin { slot }),
        2 => (0..SLOTS).prop_map(|slot| Operation::Commit { slot }),
        2 => (0..SLOTS).prop_map(|slot| Operation::Release { slot }),
        2 => (1..1_500_i64).prop_map(|ms| Operation::Wait { ms }),
        1 => Just(Operation::Sweep),
    ]
}

/// Books and reservations of one run: each has its own, so that all share a database.
struct Names {
    first_book: i64,
    ids: Vec<CallerId>,
}

impl Names {
    fn new() -> Self {
        static NEXT_BOOK: AtomicI64 = AtomicI64::new(1);
        Self {
            first_book: NEXT_BOOK.fetch_add(BOOKS, Ordering::SeqCst),
            ids: std::iter::repeat_with(new_id).take(SLOTS).collect(),
        }
    }

    fn books(&self) -> Vec<i64> {
        (self.first_book..self.first_book + BOOKS).collect()
    }

    fn wanted(&self, wanted: &[(i64, i64)]) -> crate::model::Lines {
        let wanted: Vec<_> = wanted.iter().map(|(book, copies)| (self.first_book + book, *copies)).collect();
        lines(&wanted)
    }
}

fn answer(outcome: Result<Reserved, Error>) -> Answer {
    match outcome {
        Ok(Reserved::Reservation(reservation)) => Answer::Is(reservation.status),
        Ok(Reserved::OutOfStock(shortages)) => Answer::OutOfStock(shortages),
        Err(Error::AlreadyExists { .. }) => Answer::AlreadyExists,
        Err(Error::NotFound(_)) => Answer::NotFound,
        Err(Error::Ended { .. }) => Answer::Ended,
        Err(other) => panic!("{other:?}"),
    }
}

fn answer_of(outcome: Result<Reservation, Error>) -> Answer {
    answer(outcome.map(Reserved::Reservation))
}

/// Runs one operation; the answer, if it has one. A sweep of a shared database may sweep for others too.
async fn run(inventory: &Inventory, names: &Names, operation: &Operation) -> Option<Answer> {
    let call = call();
    match operation {
        Operation::Restock { book, quantity } => {
            restock(inventory, names.first_book + book, *quantity).await;
            None
        }
        Operation::Reserve { slot, wanted } => {
            let wanted = names.wanted(wanted);
            Some(answer(inventory.reserve(&call, names.ids[*slot], &wanted).await))
        }
        Operation::Pin { slot } => Some(answer_of(inventory.pin(&call, names.ids[*slot]).await)),
        Operation::Commit { slot } => Some(answer_of(inventory.commit(&call, names.ids[*slot]).await)),
        Operation::Release { slot } => Some(answer_of(inventory.release(&call, names.ids[*slot]).await)),
        Operation::Wait { .. } => None,
        Operation::Sweep => {
            inventory.expire_due(&call).await.unwrap();
            None
        }
    }
}

fn expected(model: &mut Model, names: &Names, operation: &Operation) -> Option<Answer> {
    match operation {
        Operation::Restock { book, quantity } => {
            model.restock(names.first_book + book, *quantity);
            None
        }
        Operation::Reserve { slot, wanted } => Some(model.reserve(*slot, &names.wanted(wanted))),
        Operation::Pin { slot } => Some(model.pin(*slot)),
        Operation::Commit { slot } => Some(model.commit(*slot)),
        Operation::Release { slot } => Some(model.release(*slot)),
        Operation::Wait { ms } => {
            model.now_ms += ms;
            None
        }
        Operation::Sweep => {
            model.expire_due();
            None
        }
    }
}

async fn stock(inventory: &Inventory, names: &Names) -> BTreeMap<i64, Copies> {
    let levels = inventory.levels(&call(), &names.books()).await.unwrap();
    let copies = levels.into_iter().map(|level| {
        let copies = Copies { on_hand: level.on_hand, reserved: level.reserved, sold: level.sold };
        (level.book_id, copies)
    });
    copies.collect()
}

/// The invariants, by the tables alone: restocks, copies aside and copies sold of each book.
async fn assert_invariants(inventory: &Inventory, names: &Names) {
    const SUMS: &str = "SELECT \
        (SELECT CAST(COALESCE(SUM(quantity), 0) AS BIGINT) FROM restocks WHERE book_id = $1), \
        (SELECT CAST(COALESCE(SUM(quantity), 0) AS BIGINT) FROM reservation_lines l \
            JOIN reservations r ON r.id = l.reservation_id WHERE l.book_id = $1 AND r.status IN ('held', 'pinned')), \
        (SELECT CAST(COALESCE(SUM(quantity), 0) AS BIGINT) FROM reservation_lines l \
            JOIN reservations r ON r.id = l.reservation_id WHERE l.book_id = $1 AND r.status = 'committed')";
    for (book_id, copies) in stock(inventory, names).await {
        let (restocked, reserved, sold): (i64, i64, i64) =
            sqlx::query_as(SUMS).bind(book_id).fetch_one(inventory.db.run(&call())).await.unwrap();
        assert_eq!(copies.on_hand + copies.reserved + copies.sold, restocked, "{copies:?}");
        assert_eq!((copies.reserved, copies.sold), (reserved, sold));
    }
}

/// Runs `test` on random input: a few hundred times on SQLite, a few dozen on PostgreSQL, each on one database.
fn on_random_input<I: std::fmt::Debug>(
    strategy: &impl Strategy<Value = I>,
    test: impl AsyncFn(&Arc<Inventory>, &AtomicI64, &I),
) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let databases = runtime.block_on(async {
        [Some((TestDatabase::sqlite(), 200)), TestDatabase::postgres().await.map(|database| (database, 40))]
    });
    for (database, cases) in databases.into_iter().flatten() {
        let (inventory, now_ms) = runtime.block_on(inventory(&database));
        let inventory = Arc::new(inventory);
        let config = Config { cases, failure_persistence: None, ..Config::default() };
        let mut runner = TestRunner::new(config);
        let outcome = runner.run(strategy, |input| {
            runtime.block_on(test(&inventory, &now_ms, &input));
            Ok(())
        });
        if let Err(failure) = outcome {
            panic!("{}: {failure}", database.name);
        }
    }
}

#[test]
fn any_sequence_does_what_the_model_does() {
    let sequences = proptest::collection::vec(operation(), 1..40);
    on_random_input(&sequences, async |inventory, now_ms, operations| {
        let names = Names::new();
        let mut model = Model::new(now_ms.load(Ordering::SeqCst), &names.books());
        for operation in operations {
            let expected = expected(&mut model, &names, operation);
            now_ms.store(model.now_ms, Ordering::SeqCst);
            assert_eq!(run(inventory, &names, operation).await, expected, "{operation:?}");
            assert_eq!(stock(inventory, &names).await, model.stock, "after {operation:?}");
        }
        assert_invariants(inventory, &names).await;
    });
}

#[test]
fn whatever_happens_at_once_the_invariants_hold() {
    let lots = proptest::collection::vec(proptest::collection::vec(operation(), 1..8), 2..6);
    on_random_input(&lots, async |inventory, now_ms, lots| {
        let names = Arc::new(Names::new());
        for book in names.books() {
            restock(inventory, book, 8).await;
        }
        let mut tasks = tokio::task::JoinSet::new();
        for operations in lots.clone() {
            let (inventory, names) = (Arc::clone(inventory), Arc::clone(&names));
            tasks.spawn(async move {
                for operation in operations {
                    run(&inventory, &names, &operation).await;
                }
            });
        }
        let wait: i64 = lots
            .iter()
            .flatten()
            .map(|operation| match operation {
                Operation::Wait { ms } => *ms,
                _ => 0,
            })
            .sum();
        now_ms.fetch_add(wait, Ordering::SeqCst);
        while let Some(outcome) = tasks.join_next().await {
            outcome.unwrap();
        }
        assert_invariants(inventory, &names).await;
    });
}
