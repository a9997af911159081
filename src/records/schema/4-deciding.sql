-- What people decided about findings, as they signed it. Of several about one finding that with the
-- highest number counts; rows are added, never changed. medium: that of the finding, if it has one.
CREATE TABLE decisions (
    number  BIGINT PRIMARY KEY,
    finding BYTES  NOT NULL,
    medium  BIGINT,
    at      BIGINT NOT NULL,
    content BYTES  NOT NULL
);

CREATE INDEX decisions_of_findings ON decisions (finding, number);
