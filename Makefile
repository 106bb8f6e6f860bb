# Settings are given as `make up KAFKA_PORT=9092`; services/local/README.md lists them, k8s/delivery those of images and releases.
.DEFAULT_GOAL := help
.PHONY: help up down reset status token doctor test test-all check bench reconcile replay fmt \
	dev smoke test-k8s manifests helm argocd k8s-addons bluegreen \
	image reproducible sbom scan push sign verify-signature promote watch-release rollback deps deps-test build

NODE := node --conditions=@bourse/source --import tsx
LOCAL := $(NODE) services/local/src/main.ts

help: ## print this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 } /^# --/ { printf "\n%s\n", substr($$0, 6) }' $(MAKEFILE_LIST)

# -- One machine

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

reconcile: ## compare engines, journal and orders of the running exchange
	@$(LOCAL) run $(NODE) services/operator/src/main.ts reconcile $(ARGS)

replay: ## play recorded orders: FILE=orders.csv ARGS='--speed 1000/s --loops 3'
	@$(LOCAL) run $(NODE) load-tests/src/main.ts replay $(FILE) $(ARGS)
	@$(LOCAL) run $(NODE) services/operator/src/main.ts reconcile

doctor: ## say what this machine lacks, or with ARGS=--cluster the current cluster
	@[ -d node_modules/tsx ] || npm ci --ignore-scripts --no-audit --no-fund --silent
	@$(LOCAL) doctor $(ARGS)

# -- Tests

test: deps-test ## run unit, property, simulation, infrastructure and integration tests
	@$(NODE) services/local/src/test-main.ts

test-all: deps-test ## run the tests with many more simulated seeds and longer faults
	@TEST_ALL=1 $(NODE) services/local/src/test-main.ts

test-k8s: deps ## deploy to the current kind or minikube context, do harm, and prove that nothing is lost
	@$(NODE) services/local/src/test-k8s-main.ts

check: deps build ## check types, formatting, lint and tidy rules
	npx prettier --check .
	npx eslint -c .eslint.config.js .
	npx mocha services/shared/testing/src/tidy.test.ts

bench: deps build ## measure the hot paths
	@for file in $$(git ls-files '*.bench.ts'); do echo "$$file"; $(NODE) $$file || exit 1; done

fmt: deps ## format every file
	npx prettier --write .

# -- Kubernetes

dev: deps ## the inner loop on a cluster: sources copied into running pods
	@k8s/delivery/dev.sh

manifests: deps ## render k8s/ from the charts
	@npm run --silent synth -w @bourse/charts

helm: deps ## write an installable Helm chart for each environment
	@npm run --silent helm -w @bourse/charts

smoke: ## trade through the Service of the current context and compare balances
	@k8s/delivery/smoke.sh

argocd: ## let Argo CD follow a repository: REPOSITORY=... ENV=local
	@k8s/delivery/argocd.sh

k8s-addons: ## metrics-server, KEDA and Traefik into the current context
	@k8s/kind/addons.sh

# -- Delivery

image: ## build the image of all services: IMAGE=bourse:dev
	@k8s/delivery/image.sh

reproducible: ## build the image twice and compare the layers
	@k8s/delivery/reproducible.sh

sbom: ## list what is in the image, as CycloneDX
	@k8s/delivery/sbom.sh

scan: ## look for known vulnerabilities in the image; a critical one fails
	@k8s/delivery/scan.sh

push: ## push the image and print its digest: REPOSITORY=...
	@k8s/delivery/push.sh

sign: ## sign an image and attest its contents: IMAGE=...@sha256:... COSIGN_KEY=...
	@k8s/delivery/sign.sh

verify-signature: ## refuse what our key has not signed: IMAGE=... COSIGN_PUBLIC_KEY=...
	@k8s/delivery/verify-signature.sh

promote: ## propose an image for an environment: ENV=staging IMAGE=...@sha256:... | FROM=staging
	@k8s/delivery/promote.sh

watch-release: ## watch an environment after a promotion: ENV=staging MINUTES=15
	@k8s/delivery/watch-release.sh

rollback: ## take an environment's last promotion back: ENV=staging
	@k8s/delivery/rollback.sh

bluegreen: ## release the gateways by switching slots: STEP=release IMAGE=...
	@k8s/delivery/bluegreen.sh $(STEP) $(IMAGE)

deps:
	@bash services/local/bootstrap.sh

deps-test:
	@bash services/local/bootstrap.sh test

build:
	@npx tsc -b
