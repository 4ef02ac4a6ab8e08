//! What is left of statements, and what they are called.

use std::path::Path;

use proptest::prelude::*;

use super::*;

/// How the services' own telemetry reads a statement: the file itself, which needs nothing else.
#[path = "../../../../shared/telemetry/src/sql/words.rs"]
mod manual;

const SIMPLE: Sent = Sent { extended: false, cut: false };
const EXTENDED: Sent = Sent { extended: true, cut: false };
const CUT: Sent = Sent { extended: false, cut: true };

fn text(sql: &str, sent: Sent) -> Option<String> {
    Statement::read(sql, sent).map(|statement| statement.text)
}

#[test]
fn literals_leave_a_question_mark() {
    for (sql, left) in [
        ("SELECT * FROM users WHERE name = 'O''Brien' AND age > 42", "SELECT * FROM users WHERE name = ? AND age > ?"),
        ("SELECT 'a\n'", "SELECT ?"),
        (r"SELECT E'it\'s' || e'\\', 1", "SELECT ? || ?, ?"),
        ("SELECT U&'d!0061' UESCAPE '!', N'x', B'10', X'1f'", "SELECT ? UESCAPE ?, ?, ?, ?"),
        ("SELECT $$a 'secret' $$, $tag$ $$ $other$ $tag$", "SELECT ?, ?"),
        ("SELECT -1.5e-3, .5, 0xff, 1_000, 7::int", "SELECT -?, ?, ?, ?, ?::int"),
        (
            "SELECT a[1:2], b->>'key' FROM \"My \"\"Table\"\"\" WHERE c = $1",
            "SELECT a[?:?], b->>? FROM \"My \"\"Table\"\"\" WHERE c = $1",
        ),
        ("ALTER USER ada PASSWORD 'secret'", "ALTER USER ada PASSWORD ?"),
        ("SELECT NULL, TRUE, x1, col2 FROM t3", "SELECT NULL, TRUE, x1, col2 FROM t3"),
        ("SELECT 'a'\n  'b'", "SELECT ?\n  ?"),
        ("  COMMIT ;", "COMMIT ;"),
        // A no-break space is a letter.
        ("\u{a0}1 \u{b}", "\u{a0}1"),
        ("", ""),
    ] {
        assert_eq!(text(sql, SIMPLE).as_deref(), Some(left), "{sql}");
    }
}

#[test]
fn a_text_whose_values_are_apart_stays_as_it_is() {
    let sql = "SELECT id,  'held' AS state\nFROM stock WHERE id = $1 AND n > 5";
    assert_eq!(text(sql, EXTENDED).as_deref(), Some(sql));
    // It has none: it may have been put together with the values in it.
    assert_eq!(
        text("SELECT id FROM users WHERE name = 'ada'", EXTENDED).as_deref(),
        Some("SELECT id FROM users WHERE name = ?")
    );
    assert_eq!(text(sql, SIMPLE).as_deref(), Some("SELECT id,  ? AS state\nFROM stock WHERE id = $1 AND n > ?"));
    // A dollar in a literal or a comment is no parameter.
    assert_eq!(text("SELECT '$1' /* $1 */", EXTENDED).as_deref(), Some("SELECT ?"));
}

#[test]
fn of_comments_only_the_slot_is_left() {
    for (sql, left) in [
        ("SELECT $1 /*slot='catalog-4'*/", "SELECT $1 /*slot='catalog-4'*/"),
        ("SELECT $1 /*route='%2Fbooks',slot='a.b_c-1', user='ada'*/", "SELECT $1 /*slot='a.b_c-1'*/"),
        ("SELECT $1 /*user='ada'*/", "SELECT $1"),
        ("SELECT/**/$1 -- ada\n+ 1", "SELECT $1 \n+ 1"),
        ("/* ada /* nested */ still */ SELECT $1", "SELECT $1"),
        ("SELECT $1 /*slot='it''s ada'*/", "SELECT $1"),
        ("SELECT $1 /*slot='a b'*/ /*slot=''*/", "SELECT $1"),
        ("SELECT $1 --slot='a'", "SELECT $1"),
        ("/* SQLx ping */", ""),
    ] {
        assert_eq!(text(sql, EXTENDED).as_deref(), Some(left), "{sql}");
    }
    let long = format!("SELECT $1 /*slot='{}'*/", "a".repeat(65));
    assert_eq!(text(&long, EXTENDED).as_deref(), Some("SELECT $1"));
}

#[test]
fn what_is_not_certain_is_left_out() {
    for sql in [
        "SELECT 'secret",
        "SELECT \"secret",
        "SELECT $$secret",
        "SELECT $tag$secret",
        "SELECT $tag$secret$other$",
        "SELECT $secret",
        "SELECT E'secret\\'",
        "SELECT 1 /* secret",
        // Two literals, or one and words, by a setting of the server.
        r"SELECT 'a\'secret\''",
        "SELECT E'a'\n'\\'secret'",
        "SELECT \\secret",
        "SELECT `secret`",
        "SELECT \u{1}",
    ] {
        assert_eq!(text(sql, SIMPLE), None, "{sql}");
        // Of a text that was cut, what is before that.
        let left = text(sql, CUT).unwrap();
        assert!(left.starts_with("SELECT") && !left.contains("secret"), "{sql}: {left}");
    }
}

#[test]
fn a_summary_names_operations_and_tables() {
    for (sql, summary, collection) in [
        ("SELECT id FROM books WHERE id = $1", "SELECT books", Some("books")),
        ("select * from public.orders o join \"Lines\" l on l.order_id = o.id", "SELECT public.orders Lines", None),
        ("INSERT INTO users (id) VALUES ($1) ON CONFLICT DO UPDATE SET id = $1", "INSERT users", Some("users")),
        ("WITH due AS (SELECT id FROM sagas) SELECT id FROM due", "SELECT sagas SELECT", Some("sagas")),
        ("SELECT x FROM unnest($1) AS x", "SELECT", None),
        (
            "SELECT 'FROM nowhere', E'it\\'s FROM here', $$FROM there$$ FROM books -- FROM a\n",
            "SELECT books",
            Some("books"),
        ),
        ("CREATE TABLE IF NOT EXISTS books (id BIGINT)", "CREATE books", Some("books")),
        // The services have none of these.
        ("COPY books (id) FROM STDIN", "COPY books", Some("books")),
        ("/* FROM a */", "", None),
    ] {
        let statement = Statement::read(sql, EXTENDED).unwrap();
        assert_eq!((statement.summary.as_str(), statement.collection.as_deref()), (summary, collection), "{sql}");
    }
}

/// The statements in the services' sources, as far as they are written out there.
fn of_the_shop() -> Vec<String> {
    fn read(folder: &Path, into: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                read(&path, into);
            } else if path.extension().is_some_and(|it| it == "rs") {
                into.push(std::fs::read_to_string(path).unwrap());
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut sources = Vec::new();
    read(&root.join("services"), &mut sources);
    read(&root.join("shared/runtime/src"), &mut sources);
    let mut statements = Vec::new();
    for source in sources {
        // Every second part is within quotes: good enough, since what is no statement begins like none.
        for part in source.split('"') {
            let verbs = ["SELECT ", "INSERT ", "UPDATE ", "DELETE ", "WITH ", "CREATE ", "BEGIN", "COMMIT", "ROLLBACK"];
            if verbs.iter().any(|verb| part.starts_with(verb)) {
                statements.push(part.replace("${}", "$1").split("\\\n").map(str::trim_start).collect());
            }
        }
    }
    statements
}

#[test]
fn the_shops_statements_are_called_what_its_own_telemetry_calls_them() {
    let statements = of_the_shop();
    assert!(statements.len() > 80, "{}", statements.len());
    for sql in statements {
        let theirs = manual::read(&sql);
        let Statement { summary, operation, collection, .. } = Statement::read(&sql, EXTENDED).expect(&sql);
        assert_eq!((summary, operation, collection), (theirs.text, theirs.operation, theirs.collection), "{sql}");
    }
}

#[test]
fn a_summary_is_bounded() {
    let long = "SELECT x FROM a_rather_long_name_of_a_table_that_repeats ".repeat(50);
    let statement = Statement::read(&long, SIMPLE).unwrap();
    assert!((200..=manual::LONGEST).contains(&statement.summary.len()));
}

/// A literal with a secret in it, in each of the forms that there are.
fn literal() -> impl Strategy<Value = String> {
    (0..7_u8, "secret[a-z '\\\\$]{0,8}").prop_map(|(form, inner)| {
        let quoted = inner.replace('\'', "''");
        match form {
            0 | 1 => format!("'{quoted}'"),
            2 => format!("E'{}'", inner.replace('\\', "\\\\").replace('\'', "\\'")),
            3 => format!("$${}$$", inner.replace('$', "")),
            4 => format!("$t${inner} $t$"),
            5 => format!("/*{}*/", quoted.replace('/', "")),
            _ => format!("--{inner}\n"),
        }
    })
}

proptest! {
    #[test]
    fn no_secret_is_left(parts in prop::collection::vec((literal(), "[a-zA-Z0-9 ,()=.]{0,6}"), 0..6), cut in any::<prop::sample::Index>(), is_cut in any::<bool>()) {
        // Words that touch a literal may make another one of it.
        let sql: String = parts.into_iter().map(|(literal, between)| format!("{between} {literal}")).collect();
        let sql = if is_cut { &sql[..cut.index(sql.len() + 1)] } else { &sql };
        if let Some(statement) = Statement::read(sql, Sent { extended: false, cut: is_cut }) {
            prop_assert!(!format!("{statement:?}").contains("secret"), "{} → {:?}", sql, statement);
        } else {
            prop_assert!(!is_cut);
        }
    }

    #[test]
    fn nothing_panics_and_what_is_clean_stays_so(sql in "\\PC{0,60}", extended in any::<bool>(), cut in any::<bool>()) {
        if let Some(statement) = Statement::read(&sql, Sent { extended, cut }) {
            let again = Statement::read(&statement.text, Sent { extended, cut: false }).unwrap();
            prop_assert_eq!(again.text, statement.text);
        }
    }
}
