CREATE TABLE `request_keys` (
	`id` integer PRIMARY KEY NOT NULL,
	`digest` text NOT NULL,
	`fingerprint` text NOT NULL,
	`stored_at` integer NOT NULL,
	`answer` text NOT NULL,
	`checksum` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `request_keys_digest_unique` ON `request_keys` (`digest`);