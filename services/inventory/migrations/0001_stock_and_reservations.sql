-- One text for SQLite and PostgreSQL. Times are milliseconds since the Unix epoch.

-- Where the copies of each book are. For every book on_hand + reserved + sold is the sum of its restocks,
-- reserved is what held and pinned reservations have set aside, sold is what committed ones took.
CREATE TABLE stock (
    book_id  BIGINT NOT NULL PRIMARY KEY CHECK (book_id > 0),
    on_hand  BIGINT NOT NULL DEFAULT 0 CHECK (on_hand >= 0),
    reserved BIGINT NOT NULL DEFAULT 0 CHECK (reserved >= 0),
    sold     BIGINT NOT NULL DEFAULT 0 CHECK (sold >= 0),
    -- Grows by one with every change of the row: which of two readings is the newer one.
    version  BIGINT NOT NULL DEFAULT 0 CHECK (version >= 0)
);

-- The ledger: every copy there has ever been.
CREATE TABLE restocks (
    restock_id      TEXT   NOT NULL PRIMARY KEY,
    book_id         BIGINT NOT NULL REFERENCES stock (book_id),
    quantity        BIGINT NOT NULL CHECK (quantity BETWEEN 1 AND 100000),
    restocked_at_ms BIGINT NOT NULL
);
CREATE INDEX restocks_of_book ON restocks (book_id);

-- A released reservation without lines is one that was released before it was made.
CREATE TABLE reservations (
    id            TEXT   NOT NULL PRIMARY KEY,
    status        TEXT   NOT NULL CHECK (status IN ('held', 'pinned', 'committed', 'released', 'expired')),
    expires_at_ms BIGINT,
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL,
    CONSTRAINT only_what_is_held_expires CHECK ((status = 'held') = (expires_at_ms IS NOT NULL))
);
CREATE INDEX reservations_due ON reservations (expires_at_ms) WHERE status = 'held';

CREATE TABLE reservation_lines (
    reservation_id TEXT   NOT NULL REFERENCES reservations (id),
    book_id        BIGINT NOT NULL REFERENCES stock (book_id),
    quantity       BIGINT NOT NULL CHECK (quantity BETWEEN 1 AND 99),
    PRIMARY KEY (reservation_id, book_id)
);
CREATE INDEX reservation_lines_of_book ON reservation_lines (book_id);
