-- The books, and the words they are found by. Keys and words are folded by the service: lower case, no diacritics.
CREATE TABLE books (
    -- INTEGER, and so the rowid itself: one look-up instead of two.
    id INTEGER NOT NULL PRIMARY KEY,
    title TEXT NOT NULL,
    author TEXT NOT NULL,
    year BIGINT NOT NULL,
    subject TEXT NOT NULL,
    price BIGINT NOT NULL,
    title_key TEXT NOT NULL,
    -- The same without its article.
    title_sort TEXT NOT NULL,
    author_sort TEXT NOT NULL,
    title_words TEXT NOT NULL,
    author_words TEXT NOT NULL,
    subject_words TEXT NOT NULL
);

CREATE INDEX books_by_subject ON books (subject, id);
CREATE INDEX books_by_title ON books (title_sort, id);
CREATE INDEX books_by_author ON books (author_sort, id);
CREATE INDEX books_by_year ON books (year, id);
CREATE INDEX books_by_price ON books (price, id);

-- An index and no copy of the text; triggers keep it. Its rowid is the book's id.
CREATE VIRTUAL TABLE book_words USING fts5 (
    title, author, subject, content = '', contentless_delete = 1, prefix = '2 3 4', tokenize = 'unicode61 remove_diacritics 0'
);

CREATE TRIGGER book_words_insert AFTER INSERT ON books BEGIN
    INSERT INTO book_words (rowid, title, author, subject)
    VALUES (new.id, new.title_words, new.author_words, new.subject_words);
END;

CREATE TRIGGER book_words_update AFTER UPDATE ON books BEGIN
    DELETE FROM book_words WHERE rowid = old.id;
    INSERT INTO book_words (rowid, title, author, subject)
    VALUES (new.id, new.title_words, new.author_words, new.subject_words);
END;

CREATE TRIGGER book_words_delete AFTER DELETE ON books BEGIN
    DELETE FROM book_words WHERE rowid = old.id;
END;

-- Which version of the shop's list of books was loaded. One row.
CREATE TABLE shelf (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    checksum TEXT NOT NULL
);
