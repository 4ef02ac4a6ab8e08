CREATE TABLE things (
    id BIGINT NOT NULL PRIMARY KEY,
    count BIGINT NOT NULL CHECK (count >= 0)
);
