-- Noised sums that left the site, and with them what was spent of the privacy budget of each day.
CREATE TABLE releases (
    day            TEXT    NOT NULL,
    detail         TEXT    NOT NULL,
    epsilon_micros INTEGER NOT NULL CHECK (epsilon_micros >= 0),
    body           TEXT    NOT NULL,
    keep_until     INTEGER NOT NULL,
    PRIMARY KEY (day, detail)
) STRICT;
CREATE INDEX releases_by_end ON releases (keep_until);
-- What was told cannot be told otherwise, whatever program has the file open.
CREATE TRIGGER releases_never_change BEFORE UPDATE ON releases
BEGIN SELECT raise(ABORT, 'a release never changes'); END;
