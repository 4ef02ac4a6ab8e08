-- Times are milliseconds since the Unix epoch; amounts are minor units. Captured money is the sum of `amount` where
-- `status` is 'captured'. Of a card there is what may be printed on a receipt; of its number no hash either.
CREATE TABLE payments (
    payment_id     TEXT   NOT NULL PRIMARY KEY,
    status         TEXT   NOT NULL
        CHECK (status IN ('authorising', 'authorised', 'declined', 'captured', 'voided', 'refunded')),
    -- These are absent only from a payment that was voided before anybody asked for its authorisation.
    user_id        TEXT,
    amount         BIGINT CHECK (amount > 0),
    currency       TEXT,
    card_brand     TEXT,
    card_last4     TEXT,
    card_expiry    TEXT,
    -- Set where the status is 'declined'.
    decline_reason TEXT,
    created_at     BIGINT NOT NULL,
    updated_at     BIGINT NOT NULL,
    CHECK (status = 'voided' OR amount IS NOT NULL),
    CHECK ((status = 'declined') = (decline_reason IS NOT NULL))
);
