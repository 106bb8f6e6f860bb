CREATE TABLE "market_data_checkpoints" (
	"topic" text NOT NULL,
	"partition" integer NOT NULL,
	"log" text NOT NULL,
	"epoch" integer NOT NULL,
	"next_offset" bigint NOT NULL,
	"last_record" text NOT NULL,
	"last_sequence" bigint NOT NULL,
	"last_hash" text NOT NULL,
	"state" "bytea" NOT NULL,
	"state_hash" text NOT NULL,
	"taken_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "market_data_checkpoints_topic_partition_pk" PRIMARY KEY("topic","partition")
);
