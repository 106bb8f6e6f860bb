-- Generated, then completed by hand: PARTITION BY and fillfactor, which the generator does not know.
CREATE TYPE "public"."machine" AS ENUM('risk', 'matching');--> statement-breakpoint
CREATE TYPE "public"."order_kind" AS ENUM('limit', 'market');--> statement-breakpoint
CREATE TYPE "public"."order_status" AS ENUM('open', 'filled', 'closed');--> statement-breakpoint
CREATE TYPE "public"."posting_kind" AS ENUM('deposit', 'withdrawal', 'fill');--> statement-breakpoint
CREATE TYPE "public"."role" AS ENUM('maker', 'taker');--> statement-breakpoint
CREATE TYPE "public"."side" AS ENUM('buy', 'sell');--> statement-breakpoint
CREATE TYPE "public"."symbol_state" AS ENUM('opening', 'trading', 'halted', 'cancel_only');--> statement-breakpoint
CREATE TYPE "public"."time_in_force" AS ENUM('gtc', 'ioc', 'fok');--> statement-breakpoint
CREATE TABLE "accounts" (
	"account" bigint PRIMARY KEY NOT NULL,
	"owner" text NOT NULL,
	"opened_at" bigint NOT NULL,
	CONSTRAINT "accounts_owner_unique" UNIQUE("owner")
);
--> statement-breakpoint
CREATE TABLE "assets" (
	"asset" integer PRIMARY KEY NOT NULL,
	"code" text NOT NULL,
	"scale" smallint NOT NULL,
	CONSTRAINT "assets_code_unique" UNIQUE("code")
);
--> statement-breakpoint
CREATE TABLE "balances" (
	"account" bigint NOT NULL,
	"asset" integer NOT NULL,
	"available" numeric(40, 0) NOT NULL,
	"held" numeric(40, 0) NOT NULL,
	CONSTRAINT "balances_account_asset_pk" PRIMARY KEY("account","asset")
) WITH (fillfactor = 50);
--> statement-breakpoint
CREATE TABLE "checkpoints" (
	"shard" smallint NOT NULL,
	"sequence" bigint NOT NULL,
	"checked_at" bigint NOT NULL,
	"open_orders" bigint NOT NULL,
	"totals" jsonb NOT NULL,
	"summed" boolean NOT NULL,
	CONSTRAINT "checkpoints_shard_sequence_checked_at_pk" PRIMARY KEY("shard","sequence","checked_at")
) PARTITION BY RANGE ("checked_at");
--> statement-breakpoint
CREATE TABLE "cuts" (
	"marker" bigint NOT NULL,
	"source" text NOT NULL,
	"state" jsonb NOT NULL,
	"taken_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "cuts_marker_source_pk" PRIMARY KEY("marker","source")
);
--> statement-breakpoint
CREATE TABLE "exchange" (
	"id" smallint PRIMARY KEY DEFAULT 1 NOT NULL,
	"log" text NOT NULL,
	"risk_partitions" integer NOT NULL,
	"matching_partitions" integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE "fills" (
	"order_id" bigint NOT NULL,
	"trade_id" bigint NOT NULL,
	"filled_at" bigint NOT NULL,
	"account" bigint NOT NULL,
	"symbol" integer NOT NULL,
	"side" "side" NOT NULL,
	"role" "role" NOT NULL,
	"price" bigint NOT NULL,
	"quantity" bigint NOT NULL,
	"fee_asset" integer NOT NULL,
	"fee" numeric(40, 0) NOT NULL,
	"sequence" bigint NOT NULL,
	CONSTRAINT "fills_order_id_trade_id_filled_at_pk" PRIMARY KEY("order_id","trade_id","filled_at")
) PARTITION BY RANGE ("filled_at");
--> statement-breakpoint
CREATE TABLE "journal" (
	"shard" smallint NOT NULL,
	"sequence" bigint NOT NULL,
	"leg" smallint NOT NULL,
	"posted_at" bigint NOT NULL,
	"kind" "posting_kind" NOT NULL,
	"account" bigint NOT NULL,
	"asset" integer NOT NULL,
	"amount" numeric(40, 0) NOT NULL,
	"reference" text,
	CONSTRAINT "journal_shard_sequence_leg_posted_at_pk" PRIMARY KEY("shard","sequence","leg","posted_at")
) PARTITION BY RANGE ("posted_at");
--> statement-breakpoint
CREATE TABLE "offsets" (
	"topic" text NOT NULL,
	"partition" integer NOT NULL,
	"log" text DEFAULT '' NOT NULL,
	"epoch" integer DEFAULT 1 NOT NULL,
	"next_offset" bigint DEFAULT 0 NOT NULL,
	"last_record" text DEFAULT '0000000000000000' NOT NULL,
	"last_sequence" bigint DEFAULT 0 NOT NULL,
	"last_hash" text DEFAULT '0000000000000000' NOT NULL,
	"last_time" bigint DEFAULT 0 NOT NULL,
	"totals" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"open_orders" bigint DEFAULT 0 NOT NULL,
	CONSTRAINT "offsets_topic_partition_pk" PRIMARY KEY("topic","partition")
) WITH (fillfactor = 50);
--> statement-breakpoint
CREATE TABLE "orders" (
	"order_id" bigint NOT NULL,
	"created_at" bigint NOT NULL,
	"account" bigint NOT NULL,
	"symbol" integer NOT NULL,
	"command_id" text NOT NULL,
	"side" "side" NOT NULL,
	"kind" "order_kind" NOT NULL,
	"time_in_force" time_in_force NOT NULL,
	"post_only" boolean NOT NULL,
	"price" bigint NOT NULL,
	"quantity" bigint NOT NULL,
	"funds" numeric(40, 0) NOT NULL,
	"remaining" bigint NOT NULL,
	"filled_quantity" bigint NOT NULL,
	"filled_quote" numeric(40, 0) NOT NULL,
	"fee" numeric(40, 0) NOT NULL,
	"hold_asset" integer NOT NULL,
	"hold" numeric(40, 0) NOT NULL,
	"status" "order_status" NOT NULL,
	"reason" smallint,
	"updated_at" bigint NOT NULL,
	"sequence" bigint NOT NULL,
	CONSTRAINT "orders_order_id_created_at_pk" PRIMARY KEY("order_id","created_at")
) PARTITION BY RANGE ("created_at");
--> statement-breakpoint
CREATE TABLE "snapshot_segments" (
	"machine" "machine" NOT NULL,
	"shard" smallint NOT NULL,
	"id" bigint NOT NULL,
	"hash" text NOT NULL,
	"body" "bytea" NOT NULL,
	CONSTRAINT "snapshot_segments_machine_shard_id_pk" PRIMARY KEY("machine","shard","id")
);
--> statement-breakpoint
CREATE TABLE "snapshots" (
	"machine" "machine" NOT NULL,
	"shard" smallint NOT NULL,
	"log_offset" bigint NOT NULL,
	"last_record" text NOT NULL,
	"log" text NOT NULL,
	"state" "bytea" NOT NULL,
	"hash" text NOT NULL,
	"read" jsonb NOT NULL,
	"written" jsonb NOT NULL,
	"taken_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "snapshots_machine_shard_log_offset_pk" PRIMARY KEY("machine","shard","log_offset")
);
--> statement-breakpoint
CREATE TABLE "symbol_states" (
	"symbol" integer PRIMARY KEY NOT NULL,
	"partition" integer NOT NULL,
	"state" "symbol_state" NOT NULL,
	"changed_at" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "symbols" (
	"symbol" integer PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"base" integer NOT NULL,
	"quote" integer NOT NULL,
	"tick_decimals" smallint NOT NULL,
	"lot_decimals" smallint NOT NULL,
	"min_lots" bigint NOT NULL,
	"max_lots" bigint NOT NULL,
	"min_notional" bigint NOT NULL,
	"maker_fee_ppm" integer NOT NULL,
	"taker_fee_ppm" integer NOT NULL,
	"reference_price" bigint NOT NULL,
	"band_ppm" bigint NOT NULL,
	"partition" integer NOT NULL,
	CONSTRAINT "symbols_name_unique" UNIQUE("name")
);
--> statement-breakpoint
CREATE TABLE "trades" (
	"symbol" integer NOT NULL,
	"trade_id" bigint NOT NULL,
	"traded_at" bigint NOT NULL,
	"price" bigint NOT NULL,
	"quantity" bigint NOT NULL,
	"maker_order_id" bigint NOT NULL,
	"taker_order_id" bigint NOT NULL,
	"maker_account" bigint NOT NULL,
	"taker_account" bigint NOT NULL,
	"taker_side" "side" NOT NULL,
	CONSTRAINT "trades_symbol_trade_id_traded_at_pk" PRIMARY KEY("symbol","trade_id","traded_at")
) PARTITION BY RANGE ("traded_at");
--> statement-breakpoint
CREATE INDEX "fills_account" ON "fills" USING btree ("account","filled_at");--> statement-breakpoint
CREATE INDEX "orders_account" ON "orders" USING btree ("account","order_id");--> statement-breakpoint
CREATE INDEX "orders_command" ON "orders" USING btree ("account","command_id");--> statement-breakpoint
CREATE INDEX "orders_open" ON "orders" USING btree ("account","order_id") WHERE "orders"."status" = 'open';