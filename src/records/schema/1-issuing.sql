-- What issuing needs. One text for both databases: see schema.rs for the two words that differ.
-- Sums are minor units. Times are seconds since 1970.

CREATE TABLE stores (
    store            BIGINT PRIMARY KEY,
    name             TEXT   NOT NULL,
    holder_key       BYTES  NOT NULL UNIQUE,
    seal_key         BYTES  NOT NULL,
    currency         TEXT   NOT NULL,
    quota_minor      BIGINT NOT NULL,
    single_max_minor BIGINT NOT NULL,
    serial_first     BIGINT NOT NULL,
    serial_last      BIGINT NOT NULL,
    -- The sum of all slots in kits made for this store; moves in the transaction that makes a kit.
    in_kits_minor    BIGINT NOT NULL DEFAULT 0,
    certificate      BYTES  NOT NULL,
    enrolled_at      BIGINT NOT NULL,
    revoked_at       BIGINT,
    CHECK (in_kits_minor + (serial_last - serial_first + 1) * single_max_minor <= quota_minor)
);

-- Every medium number ever given out; a row is never removed.
CREATE TABLE media (
    medium BIGINT PRIMARY KEY,
    store  BIGINT NOT NULL REFERENCES stores (store)
);

CREATE TABLE kits (
    kit     BYTES  PRIMARY KEY,
    store   BIGINT NOT NULL REFERENCES stores (store),
    made_at BIGINT NOT NULL,
    content BYTES  NOT NULL
);

CREATE INDEX kits_of_store ON kits (store, made_at);

-- number counts up in the order of making, so slots land at the end of their index.
CREATE TABLE sheets (
    number  BIGINT PRIMARY KEY,
    sheet   BYTES  NOT NULL UNIQUE,
    medium  BIGINT NOT NULL REFERENCES media (medium),
    kit     BYTES  NOT NULL REFERENCES kits (kit),
    content BYTES  NOT NULL
);

CREATE INDEX sheets_of_medium ON sheets (medium, number);

-- place: 0 in the store's kit, 1 held back by the issuer. A slot is sold once sale is set.
-- Slots come in with their sheet and never alone; declaring that number refers to one would
-- look up each of the 40 again and halve the speed of COPY.
CREATE TABLE slots (
    number       BIGINT NOT NULL,
    slot         BIGINT NOT NULL,
    amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
    place        BIGINT NOT NULL CHECK (place IN (0, 1)),
    sale         BYTES,
    sold_at      BIGINT,
    PRIMARY KEY (number, slot),
    CHECK ((sale IS NULL) = (sold_at IS NULL))
) KEYED;

CREATE UNIQUE INDEX sales ON slots (sale) WHERE sale IS NOT NULL;
