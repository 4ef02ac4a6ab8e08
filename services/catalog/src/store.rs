//! The SQL.

use bookstore_proto::Money;
use bookstore_proto::catalog::{Book, Subject};
use bookstore_runtime::db::Dialect;
use bookstore_runtime::{Call, Db};
use sqlx::AssertSqlSafe;

use crate::listing::{Page, Sort};
use crate::words::Search;

/// A book's columns, in the order of [`Row`].
const COLUMNS: &str = "books.id, books.title, books.author, books.year, books.subject, books.price";
type Row = (i64, String, String, i64, String, i64);

/// The books in the database. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    db: Db,
}

impl Store {
    pub(crate) fn new(db: Db) -> Self {
        Self { db }
    }

    /// One book.
    pub(crate) async fn book(&self, call: &Call, id: i64) -> Result<Option<Book>, sqlx::Error> {
        const SQL: &str = "SELECT id, title, author, year, subject, price FROM books WHERE id = $1";
        let row: Option<Row> = sqlx::query_as(SQL).bind(id).fetch_optional(self.db.run(call)).await?;
        Ok(row.map(book))
    }

    /// Those of these ids that there are, in this order.
    pub(crate) async fn books(&self, call: &Call, ids: &[i64]) -> Result<Vec<Book>, sqlx::Error> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let places: Vec<String> = (1..=ids.len()).map(|place| format!("${place}")).collect();
        let text = format!("SELECT {COLUMNS} FROM books WHERE id IN ({})", places.join(", "));
        let mut query = sqlx::query_as(AssertSqlSafe(text));
        for id in ids {
            query = query.bind(*id);
        }
        let rows: Vec<Row> = query.fetch_all(self.db.run(call)).await?;
        let mut books: Vec<Book> = rows.into_iter().map(book).collect();
        books.sort_by_key(|book| ids.iter().position(|id| *id == book.id));
        Ok(books)
    }

    /// The books of a page, and how many there are on all pages.
    pub(crate) async fn page(&self, call: &Call, page: &Page) -> Result<(Vec<Book>, u64), sqlx::Error> {
        if page.search.as_ref().is_some_and(|search| search.len() == 0) {
            return Ok((Vec::new(), 0));
        }
        let statement = Statement::new(self.db.dialect(), page);
        let mut count = sqlx::query_scalar(AssertSqlSafe(statement.count()));
        for value in &statement.values {
            count = count.bind(value.clone());
        }
        let total: i64 = count.fetch_one(self.db.run(call)).await?;
        let total = u64::try_from(total).unwrap_or(0);
        let before = (u64::from(page.number) - 1) * u64::from(page.size);
        if before >= total {
            return Ok((Vec::new(), total));
        }
        let mut items = sqlx::query_as(AssertSqlSafe(statement.items(page.sort)));
        for value in statement.values.iter().chain(&statement.ranking) {
            items = items.bind(value.clone());
        }
        let before = i64::try_from(before).unwrap_or(i64::MAX);
        let rows: Vec<Row> = items.bind(i64::from(page.size)).bind(before).fetch_all(self.db.run(call)).await?;
        Ok((rows.into_iter().map(book).collect(), total))
    }

    /// Every subject, by name.
    pub(crate) async fn subjects(&self, call: &Call) -> Result<Vec<Subject>, sqlx::Error> {
        const SQL: &str = "SELECT subject, COUNT(*) FROM books GROUP BY subject";
        let rows: Vec<(String, i64)> = sqlx::query_as(SQL).fetch_all(self.db.run(call)).await?;
        let mut subjects: Vec<Subject> = rows
            .into_iter()
            .map(|(subject, books)| Subject { subject, books: u64::try_from(books).unwrap_or(0) })
            .collect();
        // Here and not in SQL: the same order in every locale.
        subjects.sort_by(|a, b| a.subject.cmp(&b.subject));
        Ok(subjects)
    }
}

fn book((id, title, author, year, subject, price): Row) -> Book {
    Book { id, title, author, year, subject, price: Money::new(price), available: None }
}

/// A page's statements, put together from fixed parts; all that a caller said is bound.
struct Statement {
    dialect: Dialect,
    /// `FROM` and `WHERE`.
    source: String,
    /// What those bind.
    values: Vec<String>,
    /// What the order by relevance binds after them.
    ranking: Vec<String>,
}

impl Statement {
    fn new(dialect: Dialect, page: &Page) -> Self {
        let (mut from, mut conditions, mut values) = ("books", Vec::new(), Vec::new());
        if let Some(search) = &page.search {
            match dialect {
                Dialect::Sqlite => {
                    from = "book_words JOIN books ON books.id = book_words.rowid";
                    conditions.push("book_words MATCH $1".to_owned());
                    values.push(search.fts5());
                }
                Dialect::Postgres => {
                    conditions.push("books.words @@ to_tsquery('simple', $1)".to_owned());
                    values.push(search.tsquery());
                }
            }
        }
        if let Some(subject) = &page.subject {
            values.push(subject.clone());
            conditions.push(format!("books.subject = ${}", values.len()));
        }
        let ranking = match (&page.search, page.sort) {
            (Some(search), Sort::Relevance) => vec![search.folded().to_owned(), prefix(search)],
            _ => Vec::new(),
        };
        let condition =
            if conditions.is_empty() { String::new() } else { format!(" WHERE {}", conditions.join(" AND ")) };
        Self { dialect, source: format!("FROM {from}{condition}"), values, ranking }
    }

    fn count(&self) -> String {
        format!("SELECT COUNT(*) {}", self.source)
    }

    fn items(&self, sort: Sort) -> String {
        let bound = self.values.len() + self.ranking.len();
        format!(
            "SELECT {COLUMNS} {} ORDER BY {} LIMIT ${} OFFSET ${}",
            self.source,
            self.order(sort),
            bound + 1,
            bound + 2
        )
    }

    fn order(&self, sort: Sort) -> String {
        let by = match sort {
            Sort::Relevance if self.ranking.is_empty() => return "books.id".to_owned(),
            Sort::Relevance => return self.relevance(),
            Sort::Title => "books.title_sort",
            Sort::Author => "books.author_sort",
            Sort::Oldest => "books.year",
            Sort::Newest => "books.year DESC",
            Sort::Cheapest => "books.price",
            Sort::Dearest => "books.price DESC",
        };
        format!("{by}, books.id")
    }

    /// First the book of that title, then titles that begin so, then what the database thinks of the rest: a word in the
    /// title weighs more than one in the author's name, and that more than the subject.
    fn relevance(&self) -> String {
        let (exact, begins) = (self.values.len() + 1, self.values.len() + 2);
        let rank = match self.dialect {
            Dialect::Sqlite => "bm25(book_words, 10.0, 5.0, 1.0)",
            // Weights of D, C, B and A; 1 divides by the logarithm of the length.
            Dialect::Postgres => "-ts_rank('{0.1, 0.2, 0.5, 1.0}', books.words, to_tsquery('simple', $1), 1)",
        };
        format!(
            "CASE WHEN books.title_key = ${exact} OR books.title_sort = ${exact} THEN 0 \
             WHEN books.title_key LIKE ${begins} OR books.title_sort LIKE ${begins} THEN 1 ELSE 2 END, {rank}, books.id"
        )
    }
}

/// A pattern for titles that begin with the search. Folded text has no character that means something to `LIKE`.
fn prefix(search: &Search) -> String {
    format!("{}%", search.folded())
}
