-- Checkpoints are kept for ten years and swept every hour.
CREATE INDEX checkpoints_by_end ON checkpoints (keep_until);
