-- Times are milliseconds since the Unix epoch. E-mail addresses are stored trimmed and in lower case.
CREATE TABLE users (
    user_id       TEXT   NOT NULL PRIMARY KEY,
    email         TEXT   NOT NULL UNIQUE,
    name          TEXT   NOT NULL,
    address       TEXT   NOT NULL DEFAULT '',
    country       TEXT   NOT NULL DEFAULT '',
    -- Argon2id, as a PHC string: it names its own parameters.
    password_hash TEXT   NOT NULL,
    created_at    BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL
);

CREATE TABLE sessions (
    -- SHA-256 of the token, in hex; the token itself is nowhere.
    token_hash TEXT   NOT NULL PRIMARY KEY,
    user_id    TEXT   NOT NULL REFERENCES users (user_id),
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE INDEX sessions_by_expiry ON sessions (expires_at);
