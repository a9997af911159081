-- What is settled: each medium's account, its checkpoints, and the moves that follow.

-- Whose goods are sold. Revenue accounts carry the number.
CREATE TABLE rights_holders (
    holder BIGINT PRIMARY KEY,
    name   TEXT   NOT NULL UNIQUE
);

-- What an entry is about: its medium, and the event that crediting what it sold is.
ALTER TABLE store_entries ADD COLUMN medium BIGINT;
ALTER TABLE store_entries ADD COLUMN event BYTES;
CREATE INDEX entries_of_media ON store_entries (medium);

-- whose and seq name what a move follows from, by its origin: 1 a store's journal entry, 2 a store's
-- payment, 3 a medium's checkpoint, from which several lines follow.
-- Accounts: 1000000000000 cash, 2000000000000 + store what it owes, 3000000000000 + medium what was
-- sold for it and isn't known to be on it, 4000000000000 + medium what may be spent, 5000000000000 +
-- medium what is provisional, 6000000000000 + medium what is reserved, 7000000000000 + medium what
-- it lacks, 8000000000000 + rights holder what his goods brought, 9000000000000 + store what was
-- lost by forks that it made possible.
CREATE TABLE settling_moves (
    origin       BIGINT NOT NULL CHECK (origin IN (1, 2, 3)),
    whose        BIGINT NOT NULL,
    seq          BIGINT NOT NULL,
    line         BIGINT NOT NULL,
    at           BIGINT NOT NULL,
    debit        BIGINT NOT NULL CHECK (debit BETWEEN 1000000000000 AND 9999999999999),
    credit       BIGINT NOT NULL CHECK (credit BETWEEN 1000000000000 AND 9999999999999),
    amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
    PRIMARY KEY (origin, whose, seq, line),
    CHECK (debit <> credit)
) KEYED;

INSERT INTO settling_moves (origin, whose, seq, line, at, debit, credit, amount_minor)
    SELECT origin, store, seq, 0, at, debit, credit, amount_minor FROM moves;
DROP TABLE moves;
ALTER TABLE settling_moves RENAME TO moves;

-- A medium's account as its newest checkpoint left it. The row moves by compare-and-swap in the
-- transaction that writes the next checkpoint.
CREATE TABLE accounts (
    medium            BIGINT PRIMARY KEY REFERENCES media (medium),
    number            BIGINT NOT NULL CHECK (number > 0),
    hash              BYTES  NOT NULL,
    seq               BIGINT NOT NULL,
    head              BYTES  NOT NULL,
    settled_minor     BIGINT NOT NULL CHECK (settled_minor >= 0),
    provisional_minor BIGINT NOT NULL CHECK (provisional_minor >= 0),
    reserved_minor    BIGINT NOT NULL CHECK (reserved_minor >= 0),
    debt_minor        BIGINT NOT NULL CHECK (debt_minor >= 0),
    store_loss_minor  BIGINT NOT NULL CHECK (store_loss_minor >= 0),
    rekey_seq         BIGINT,
    rekey_key         BYTES,
    first_seq         BIGINT,
    CHECK ((rekey_seq IS NULL) = (rekey_key IS NULL))
);

-- effect: 1 added or taken by the owner, 2 taken by a partner's download, 3 earned.
CREATE TABLE settled_events (
    medium       BIGINT NOT NULL,
    event        BYTES  NOT NULL,
    number       BIGINT NOT NULL,
    amount_minor BIGINT NOT NULL,
    effect       BIGINT NOT NULL CHECK (effect IN (1, 2, 3)),
    PRIMARY KEY (medium, event)
) KEYED;

-- The record that was seen first at each sequence.
CREATE TABLE held_records (
    medium BIGINT NOT NULL,
    seq    BIGINT NOT NULL,
    hash   BYTES  NOT NULL,
    PRIMARY KEY (medium, seq)
) KEYED;

-- blame: 0 nobody, 1 the store, 2 the store's key.
CREATE TABLE forks (
    medium BIGINT NOT NULL,
    seq    BIGINT NOT NULL,
    less   BYTES  NOT NULL,
    more   BYTES  NOT NULL,
    blame  BIGINT NOT NULL CHECK (blame IN (0, 1, 2)),
    PRIMARY KEY (medium, seq, less, more)
);

CREATE TABLE open_transfers (
    medium         BIGINT NOT NULL,
    start          BYTES  NOT NULL,
    transfer       BYTES  NOT NULL,
    reserved_minor BIGINT NOT NULL,
    covered_bytes  BIGINT NOT NULL,
    PRIMARY KEY (medium, start)
);

-- Plans that were posted, by the SHA-256 of their files.
CREATE TABLE plans (
    number    BIGINT PRIMARY KEY,
    plan      BYTES  NOT NULL UNIQUE,
    posted_at BIGINT NOT NULL
);

-- Checkpoint files as they were signed; each is handed out again byte for byte.
CREATE TABLE checkpoints (
    medium  BIGINT NOT NULL,
    number  BIGINT NOT NULL,
    plan    BIGINT NOT NULL REFERENCES plans (number),
    content BYTES  NOT NULL,
    PRIMARY KEY (medium, number)
);

CREATE INDEX checkpoints_of_plan ON checkpoints (plan, medium);

-- Findings that a checkpoint answered.
CREATE TABLE answered_findings (
    medium  BIGINT NOT NULL,
    finding BYTES  NOT NULL,
    class   BIGINT NOT NULL,
    number  BIGINT NOT NULL,
    PRIMARY KEY (medium, finding)
);
