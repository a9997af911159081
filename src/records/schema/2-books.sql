-- What stores sold and paid in, and the books: double entry.

-- The entries of stores' journals as they were signed; each follows from the one before it.
-- voids: the entry of the same store that this one takes back, once.
-- That a store is enrolled is looked up once an import: declaring it here and in moves would look
-- it up for each row, and halve the speed of COPY.
CREATE TABLE store_entries (
    store   BIGINT NOT NULL,
    seq     BIGINT NOT NULL,
    voids   BIGINT,
    content BYTES  NOT NULL,
    PRIMARY KEY (store, seq),
    CHECK (voids < seq)
);

CREATE UNIQUE INDEX voids_of_stores ON store_entries (store, voids) WHERE voids IS NOT NULL;

-- Money that stores paid in. A store's reference names one payment for ever.
CREATE TABLE payments (
    store       BIGINT NOT NULL REFERENCES stores (store),
    seq         BIGINT NOT NULL,
    reference   TEXT   NOT NULL,
    recorded_at BIGINT NOT NULL,
    PRIMARY KEY (store, seq),
    UNIQUE (store, reference)
);

-- A move takes a sum from one account and gives it to another: a row can't be out of balance, so all
-- accounts together are zero after each of them. Rows are added, never changed.
-- origin: 1 entry seq of the store's journal, 2 payment seq of the store.
-- Accounts: 1000000000000 cash, 2000000000000 + store what it owes, 3000000000000 + medium what was
-- sold for it and isn't known to be on it.
CREATE TABLE moves (
    origin       BIGINT NOT NULL CHECK (origin IN (1, 2)),
    store        BIGINT NOT NULL,
    seq          BIGINT NOT NULL,
    at           BIGINT NOT NULL,
    debit        BIGINT NOT NULL CHECK (debit BETWEEN 1000000000000 AND 3999999999999),
    credit       BIGINT NOT NULL CHECK (credit BETWEEN 1000000000000 AND 3999999999999),
    amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
    PRIMARY KEY (origin, store, seq),
    CHECK (debit <> credit)
) KEYED;
