# Settings are given as `make up KAFKA_PORT=9092`; services/local/README.md lists them.
.DEFAULT_GOAL := help
.PHONY: help up down reset status token test test-all check bench reconcile replay fmt deps build

NODE := node --conditions=@bourse/source --import tsx
LOCAL := $(NODE) services/local/src/main.ts

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: deps ## start the exchange and wait until it is ready
	@$(LOCAL) up

down: ## stop it and keep its data
	@$(LOCAL) down

reset: ## stop it and forget its data
	@$(LOCAL) reset

status: ## show each part, its pid, port and health
	@$(LOCAL) status

token: ## print an access token: OWNER=alice ROLE=trader
	@$(LOCAL) token $(or $(OWNER),alice) --role $(or $(ROLE),trader)

test: deps ## run unit, property, simulation and integration tests
	@$(NODE) services/local/src/test-main.ts

test-all: deps ## run the tests with many more simulated seeds and longer faults
	@TEST_ALL=1 $(NODE) services/local/src/test-main.ts

check: deps build ## check types, formatting, lint and tidy rules
	npx prettier --check .
	npx eslint -c .eslint.config.js .
	npx mocha services/shared/testing/src/tidy.test.ts

bench: deps build ## measure the hot paths
	@for file in $$(git ls-files '*.bench.ts'); do echo "$$file"; $(NODE) $$file || exit 1; done

reconcile: ## compare engines, journal and orders of the running exchange
	@$(LOCAL) run $(NODE) services/operator/src/main.ts reconcile $(ARGS)

replay: ## play recorded orders: FILE=orders.csv ARGS='--speed 1000/s --loops 3'
	@$(LOCAL) run $(NODE) load-tests/src/main.ts replay $(FILE) $(ARGS)
	@$(LOCAL) run $(NODE) services/operator/src/main.ts reconcile

fmt: deps ## format every file
	npx prettier --write .

deps:
	@bash services/local/bootstrap.sh

build:
	@npx tsc -b
