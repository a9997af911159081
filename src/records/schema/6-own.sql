-- own: the medium, where an entry is about the medium itself: its burn, its sale, what takes those back.
ALTER TABLE store_entries ADD COLUMN own BIGINT;
CREATE INDEX own_entries ON store_entries (own, store, seq) WHERE own IS NOT NULL;
