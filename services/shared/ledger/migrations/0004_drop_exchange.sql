DROP TABLE "exchange";
