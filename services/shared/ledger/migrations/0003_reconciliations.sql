CREATE TABLE "reconciliations" (
	"marker" bigint PRIMARY KEY NOT NULL,
	"finished_at" timestamp with time zone DEFAULT now() NOT NULL,
	"differences" integer NOT NULL,
	"comparisons" jsonb NOT NULL
);
