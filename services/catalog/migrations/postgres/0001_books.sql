-- The books, and the words they are found by. Keys and words are folded by the service: lower case, no diacritics.
-- Sorted by bytes, as SQLite does, whatever the locale.
CREATE TABLE books (
    id BIGINT NOT NULL PRIMARY KEY,
    title TEXT NOT NULL,
    author TEXT NOT NULL,
    year BIGINT NOT NULL,
    subject TEXT NOT NULL,
    price BIGINT NOT NULL,
    title_key TEXT COLLATE "C" NOT NULL,
    -- The same without its article.
    title_sort TEXT COLLATE "C" NOT NULL,
    author_sort TEXT COLLATE "C" NOT NULL,
    title_words TEXT NOT NULL,
    author_words TEXT NOT NULL,
    subject_words TEXT NOT NULL,
    words TSVECTOR NOT NULL GENERATED ALWAYS AS (
        setweight(to_tsvector('simple', title_words), 'A')
        || setweight(to_tsvector('simple', author_words), 'B')
        || setweight(to_tsvector('simple', subject_words), 'D')
    ) STORED
);

CREATE INDEX books_by_subject ON books (subject, id);
CREATE INDEX books_by_title ON books (title_sort, id);
CREATE INDEX books_by_author ON books (author_sort, id);
CREATE INDEX books_by_year ON books (year, id);
CREATE INDEX books_by_price ON books (price, id);
CREATE INDEX books_by_words ON books USING GIN (words);

-- Which version of the shop's list of books was loaded. One row.
CREATE TABLE shelf (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    checksum TEXT NOT NULL
);
