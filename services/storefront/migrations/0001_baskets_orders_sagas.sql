-- One text for SQLite and PostgreSQL. Ids are UUIDs in lower case, times milliseconds since the Unix epoch, money minor
-- units. An order's id is also the id of its payment (payment service) and of its reservation (inventory service).

-- Baskets. `owner` is `user:` and the user's id, or `guest:` and the SHA-256 of the guest's token.
CREATE TABLE baskets (
    owner         TEXT   NOT NULL PRIMARY KEY,
    updated_at_ms BIGINT NOT NULL
);
CREATE INDEX baskets_by_age ON baskets (updated_at_ms);

CREATE TABLE basket_items (
    owner       TEXT   NOT NULL REFERENCES baskets (owner) ON DELETE CASCADE,
    book_id     BIGINT NOT NULL CHECK (book_id > 0),
    quantity    BIGINT NOT NULL CHECK (quantity BETWEEN 1 AND 99),
    added_at_ms BIGINT NOT NULL,
    PRIMARY KEY (owner, book_id)
);

-- Orders. `status` leaves `pending` once, when the order's saga ends. `total` is 0 until the order is priced, then the sum
-- of its lines. A confirmed order's total is captured, and no other order's is. At most one order of a user under one key
-- is ever confirmed.
CREATE TABLE orders (
    id              TEXT   NOT NULL PRIMARY KEY,
    user_id         TEXT   NOT NULL,
    idempotency_key TEXT   NOT NULL,
    status          TEXT   NOT NULL CHECK (status IN ('pending', 'confirmed', 'declined', 'out_of_stock', 'failed')),
    -- Why it came, or will come, to nothing: card_declined, insufficient_funds, expired_card, out_of_stock, unavailable,
    -- interrupted.
    reason          TEXT,
    total           BIGINT NOT NULL DEFAULT 0 CHECK (total >= 0),
    -- ISO 4217.
    currency        TEXT   NOT NULL,
    placed_at_ms    BIGINT NOT NULL,
    updated_at_ms   BIGINT NOT NULL
);
CREATE INDEX orders_of_user ON orders (user_id, placed_at_ms);

-- What an order buys: the basket as it was when the order was placed. `title` is empty and `unit_price` 0 until priced.
CREATE TABLE order_lines (
    order_id   TEXT   NOT NULL REFERENCES orders (id),
    book_id    BIGINT NOT NULL CHECK (book_id > 0),
    quantity   BIGINT NOT NULL CHECK (quantity BETWEEN 1 AND 99),
    title      TEXT   NOT NULL DEFAULT '',
    unit_price BIGINT NOT NULL DEFAULT 0 CHECK (unit_price >= 0),
    -- Where this line was short: the copies that were there.
    available  BIGINT,
    PRIMARY KEY (order_id, book_id)
);

-- The checkout saga of each order. `step` is recorded before the step is done:
--
--   price → reserve → authorise → capture → commit → confirm → done
--   and back, from capture and before: void → release → undone
--
-- Forward at capture and later it is only ever finished, but where the capture itself turns out to be impossible.
CREATE TABLE sagas (
    order_id       TEXT   NOT NULL PRIMARY KEY REFERENCES orders (id),
    step           TEXT   NOT NULL CHECK (step IN ('price', 'reserve', 'authorise', 'capture', 'commit', 'confirm', 'done',
                                                   'void', 'release', 'undone')),
    -- The status that the order ends with; absent while that is open.
    outcome        TEXT   CHECK (outcome IN ('confirmed', 'declined', 'out_of_stock', 'failed')),
    -- Who runs it; absent while it waits for its next attempt.
    owner          TEXT,
    -- Until then nobody but its owner may run it, and nobody at all where there is no owner.
    lease_until_ms BIGINT NOT NULL,
    -- Grows by one with every change. Each change names the version that it follows, so of two that act one loses.
    version        BIGINT NOT NULL DEFAULT 0,
    -- How often the present step has failed.
    attempts       BIGINT NOT NULL DEFAULT 0,
    -- The request that placed the order.
    request_id     TEXT   NOT NULL,
    started_at_ms  BIGINT NOT NULL,
    updated_at_ms  BIGINT NOT NULL
);
CREATE INDEX sagas_unfinished ON sagas (lease_until_ms) WHERE step NOT IN ('done', 'undone');

-- Which order an idempotency key stands for. `body_mac` is HMAC-SHA-256 of card number and expiry, in hexadecimal, under a
-- key that is in no database. A key is free again when its order has failed (not: declined or out of stock).
CREATE TABLE idempotency_keys (
    user_id       TEXT   NOT NULL,
    key           TEXT   NOT NULL,
    order_id      TEXT   NOT NULL REFERENCES orders (id),
    body_mac      TEXT   NOT NULL,
    created_at_ms BIGINT NOT NULL,
    PRIMARY KEY (user_id, key)
);
CREATE INDEX idempotency_keys_of_order ON idempotency_keys (order_id);
