CREATE TABLE `conflicts` (
	`id` integer PRIMARY KEY NOT NULL,
	`seq` integer NOT NULL,
	`topic_id` integer NOT NULL,
	`scope` text NOT NULL,
	`event_id` text NOT NULL,
	`source` text,
	`payload` text NOT NULL,
	`received_at` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `counters` (
	`topic_id` integer PRIMARY KEY NOT NULL,
	`received` integer NOT NULL,
	`unique_processed` integer NOT NULL,
	`duplicate_dropped` integer NOT NULL,
	`conflicts` integer NOT NULL,
	`first_at` integer NOT NULL,
	`last_at` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `events` (
	`seq` integer PRIMARY KEY NOT NULL,
	`topic_id` integer NOT NULL,
	`scope` text NOT NULL,
	`event_id` text NOT NULL,
	`timestamp` text,
	`source` text,
	`payload` text NOT NULL,
	`attributes` text,
	`received_at` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `fingerprints` (
	`first_seq` integer PRIMARY KEY NOT NULL,
	`count` integer NOT NULL,
	`words` blob NOT NULL
);
--> statement-breakpoint
CREATE TABLE `meta` (
	`key` text PRIMARY KEY NOT NULL,
	`value` blob NOT NULL
);
--> statement-breakpoint
CREATE TABLE `topic_segments` (
	`segment` integer NOT NULL,
	`topic_id` integer NOT NULL,
	`offsets` blob NOT NULL,
	PRIMARY KEY(`segment`, `topic_id`)
);
--> statement-breakpoint
CREATE TABLE `topics` (
	`id` integer PRIMARY KEY NOT NULL,
	`name` text NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `topics_name_unique` ON `topics` (`name`);