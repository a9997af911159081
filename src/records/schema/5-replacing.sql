-- Media that were lost or broke, each with the one that takes its place. What is settled on the lost
-- one goes to its heir once due_at has come. heir_number: the heir's checkpoint that carries the sum,
-- 0 before; credited_minor: all that went over.
CREATE TABLE replacements (
    lost           BIGINT PRIMARY KEY REFERENCES media (medium),
    heir           BIGINT NOT NULL REFERENCES media (medium),
    list           BIGINT NOT NULL,
    begun_at       BIGINT NOT NULL,
    due_at         BIGINT NOT NULL,
    heir_number    BIGINT NOT NULL DEFAULT 0,
    credited_minor BIGINT NOT NULL DEFAULT 0 CHECK (credited_minor >= 0),
    CHECK (lost <> heir)
);

CREATE INDEX replacements_of_heirs ON replacements (heir);
