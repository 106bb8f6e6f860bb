/**
 * When the newest migration of this version was made, in milliseconds since 1970, as drizzle's journal has it. Kept
 * apart from the migrations, so that a service can compare it without reading their files.
 */
export const SCHEMA_VERSION = 1796069604585
