-- Campaign is NULL for the default message.
-- Times are microseconds since 1970; ids are 16 bytes, most significant first; bodies are JSON.
-- keep_until: the row is removed by the first sweep at or after this time.
-- Columns beside a body are there to be searched or summed; the body alone is read back.

CREATE TABLE decisions (
    id         BLOB    NOT NULL PRIMARY KEY,
    at         INTEGER NOT NULL,
    campaign   TEXT,
    creative   TEXT    NOT NULL,
    body       TEXT    NOT NULL,
    keep_until INTEGER NOT NULL
) STRICT;
CREATE INDEX decisions_by_time ON decisions (at, id);
CREATE INDEX decisions_by_end ON decisions (keep_until);

-- Decisions ever made: a budget outlives the rows it was counted from.
CREATE TABLE totals (
    campaign    TEXT    NOT NULL PRIMARY KEY,
    n_decisions INTEGER NOT NULL,
    keep_until  INTEGER NOT NULL
) STRICT;

-- A play has the id of the decision that began it.
CREATE TABLE plays (
    id           BLOB    NOT NULL PRIMARY KEY,
    screen       TEXT    NOT NULL,
    campaign     TEXT,
    creative     TEXT    NOT NULL,
    started_at   INTEGER NOT NULL,
    ended_at     INTEGER,
    shown_millis INTEGER NOT NULL,
    keep_until   INTEGER NOT NULL
) STRICT;
-- Covers counting: caps, budgets and reports never touch the table itself.
CREATE INDEX plays_by_time ON plays (started_at, screen, campaign, creative, shown_millis);
CREATE INDEX plays_by_end ON plays (keep_until);

-- campaign, creative and decided_at are the decision's: reports need no join, and outlive its shorter retention.
CREATE TABLE outcomes (
    decision   BLOB    NOT NULL,
    kind       TEXT    NOT NULL,
    key        TEXT    NOT NULL,
    at         INTEGER NOT NULL,
    value      REAL    NOT NULL,
    campaign   TEXT,
    creative   TEXT    NOT NULL,
    decided_at INTEGER NOT NULL,
    body       TEXT    NOT NULL,
    keep_until INTEGER NOT NULL,
    PRIMARY KEY (decision, kind, key)
) STRICT;
CREATE INDEX outcomes_by_time ON outcomes (decided_at, campaign, creative, kind, value);
CREATE INDEX outcomes_by_end ON outcomes (keep_until);

CREATE TABLE policies (
    campaign   TEXT    NOT NULL PRIMARY KEY,
    body       TEXT    NOT NULL,
    keep_until INTEGER NOT NULL
) STRICT;

CREATE TABLE minutes (
    minute     INTEGER NOT NULL,
    camera     TEXT    NOT NULL,
    run        INTEGER NOT NULL,
    body       TEXT    NOT NULL,
    keep_until INTEGER NOT NULL,
    PRIMARY KEY (minute, camera, run)
) STRICT;
CREATE INDEX minutes_by_end ON minutes (keep_until);

CREATE TABLE facts (
    name       TEXT    NOT NULL PRIMARY KEY,
    body       TEXT    NOT NULL,
    keep_until INTEGER NOT NULL
) STRICT;

CREATE TABLE ledger (
    idx        INTEGER NOT NULL PRIMARY KEY CHECK (idx >= 0),
    hash       BLOB    NOT NULL CHECK (length(hash) = 32),
    bytes      BLOB,
    keep_until INTEGER NOT NULL
) STRICT;
CREATE INDEX ledger_by_end ON ledger (keep_until) WHERE bytes IS NOT NULL;
-- Dense and append-only, whatever program has the file open. Bytes may go when their time is over; the hash stays.
CREATE TRIGGER ledger_is_dense BEFORE INSERT ON ledger
WHEN NEW.idx <> (SELECT coalesce(max(idx) + 1, 0) FROM ledger)
BEGIN SELECT raise(ABORT, 'the ledger has no gaps'); END;
CREATE TRIGGER ledger_never_changes BEFORE UPDATE ON ledger
WHEN NEW.idx <> OLD.idx OR NEW.hash <> OLD.hash OR NEW.keep_until <> OLD.keep_until OR NEW.bytes IS NOT NULL
BEGIN SELECT raise(ABORT, 'the ledger never changes'); END;
CREATE TRIGGER ledger_never_shrinks BEFORE DELETE ON ledger
BEGIN SELECT raise(ABORT, 'the ledger never shrinks'); END;

CREATE TABLE checkpoints (
    size       INTEGER NOT NULL PRIMARY KEY CHECK (size >= 0),
    note       TEXT    NOT NULL,
    keep_until INTEGER NOT NULL
) STRICT;

CREATE TABLE commitments (
    version    INTEGER NOT NULL PRIMARY KEY CHECK (version >= 0),
    body       TEXT    NOT NULL,
    keep_until INTEGER NOT NULL
) STRICT;

CREATE TABLE settings (
    name       TEXT    NOT NULL PRIMARY KEY,
    value      TEXT    NOT NULL,
    keep_until INTEGER NOT NULL
) STRICT;
