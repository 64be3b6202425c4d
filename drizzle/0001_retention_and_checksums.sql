ALTER TABLE `conflicts` ADD `checksum` integer;--> statement-breakpoint
ALTER TABLE `counters` ADD `pruned` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `counters` ADD `pruned_through` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `counters` ADD `stored_bytes` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `counters` ADD `checksum` integer;--> statement-breakpoint
ALTER TABLE `events` ADD `checksum` integer;--> statement-breakpoint
ALTER TABLE `fingerprints` ADD `offsets` blob;--> statement-breakpoint
ALTER TABLE `fingerprints` ADD `received_at` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `fingerprints` ADD `outlived` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `fingerprints` ADD `checksum` integer;--> statement-breakpoint
ALTER TABLE `meta` ADD `checksum` integer;--> statement-breakpoint
ALTER TABLE `topic_segments` ADD `checksum` integer;--> statement-breakpoint
ALTER TABLE `topics` ADD `checksum` integer;--> statement-breakpoint
UPDATE `fingerprints` SET `received_at` = coalesce((SELECT `received_at` FROM `events` WHERE `seq` = `first_seq`), 0);--> statement-breakpoint
UPDATE `counters` SET `stored_bytes` = `sums`.`bytes` FROM (
	SELECT `topic_id`, sum(48 + octet_length(`event_id`) + octet_length(`payload`) + octet_length(`scope`) + coalesce(octet_length(`timestamp`), 0) + coalesce(octet_length(`source`), 0) + coalesce(octet_length(`attributes`), 0)) AS `bytes`
	FROM `events` GROUP BY `topic_id`
) AS `sums` WHERE `sums`.`topic_id` = `counters`.`topic_id`;--> statement-breakpoint
UPDATE `counters` SET `checksum` = `topic_id` * 31 + `received` * 37 + `unique_processed` * 41 + `duplicate_dropped` * 43 + `conflicts` * 47 + `first_at` * 53 + `last_at` * 59 + `pruned` * 61 + `pruned_through` * 67 + `stored_bytes` * 71;
