#!/usr/bin/env bash
# Makes a machine able to run and test Bourse: servers and compilers from the distribution, then the npm packages.
# Safe to repeat; it does nothing, quickly, when nothing is missing. `bootstrap.sh test` installs what only tests need too.
set -euo pipefail
cd "$(dirname "$0")/../.."

PURPOSE=${1:-run}
NODE_MAJOR_MIN=20
JAVA_MAJOR_MIN=17

say() { printf '  %s\n' "$*"; }
fail() {
  printf '  ✗ %s\n' "$1" >&2
  [ -z "${2:-}" ] || printf '    → %s\n' "$2" >&2
  exit 1
}

# Runs a long command quietly: a line with its time when it is done, its last lines when it fails.
step() {
  local title=$1 log started=$SECONDS
  shift
  log=$(mktemp)
  [ -t 1 ] && printf '  … %s\r' "$title"
  if "$@" > "$log" 2>&1 < /dev/null; then
    printf '  ✓ %-22s %5d s\n' "$title" $((SECONDS - started))
    rm -f "$log"
  else
    tail -n 15 "$log" | sed 's/^/    | /' >&2
    fail "$title failed" "The whole log is $log"
  fi
}

require_node() {
  command -v node > /dev/null && command -v npm > /dev/null ||
    fail "Node.js and npm are not installed" "Install Node.js $NODE_MAJOR_MIN or later: https://nodejs.org/en/download"
  local major
  major=$(node -p 'process.versions.node.split(".")[0]')
  [ "$major" -ge "$NODE_MAJOR_MIN" ] ||
    fail "Node.js $(node -v) is too old" "Install Node.js $NODE_MAJOR_MIN or later: https://nodejs.org/en/download"
}

has_postgres() { command -v postgres > /dev/null || ls /usr/lib/postgresql/*/bin/postgres > /dev/null 2>&1; }
has_header() { printf '#include <%s>\n' "$1" | g++ -E -x c++ - > /dev/null 2>&1; }
has_java() {
  local java=java version
  [ -z "${JAVA_HOME:-}" ] || java=$JAVA_HOME/bin/java
  version=$("$java" -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p')
  [ "${version:-0}" -ge "$JAVA_MAJOR_MIN" ]
}

# The parts that are missing, by names of our own; each system has its own packages for them.
missing_parts() {
  has_postgres || echo postgresql
  command -v redis-server > /dev/null || echo redis
  has_java || echo java
  command -v mvn > /dev/null || echo maven
  python3 -c 'import ensurepip' > /dev/null 2>&1 || echo python
  command -v g++ > /dev/null || echo c++
  command -v make > /dev/null || echo make
  [ "$PURPOSE" != test ] || command -v promtool > /dev/null || echo prometheus
  has_header zlib.h || echo zlib
  has_header openssl/ssl.h || echo openssl
}

debian_package() {
  case $1 in
    postgresql | maven | make | prometheus) echo "$1" ;;
    redis) echo redis-server ;;
    java) newest_java ;;
    python) echo python3 python3-venv ;;
    c++) echo g++ ;;
    zlib) echo zlib1g-dev ;;
    openssl) echo libssl-dev ;;
  esac
}

newest_java() {
  local major
  for major in 21 17 25; do
    if apt-cache policy "openjdk-$major-jre-headless" | grep -q 'Candidate: [0-9]'; then
      echo "openjdk-$major-jre-headless"
      return
    fi
  done
  echo default-jre-headless
}

# Other systems are told exactly what to install.
advise() {
  local parts=" $* " names
  if command -v dnf > /dev/null; then
    names=${parts/ postgresql / postgresql-server } names=${names/ java / java-21-openjdk-headless }
    names=${names/ prometheus / golang-github-prometheus }
    names=${names/ python / python3 } names=${names/ c++ / gcc-c++ } names=${names/ zlib / zlib-devel }
    echo "sudo dnf install${names/ openssl / openssl-devel }"
  elif command -v brew > /dev/null; then
    names=${parts/ postgresql / postgresql@17 } names=${names/ java / openjdk } names=${names/ python / python3 }
    echo "brew install${names/ c++ / gcc }"
  else
    echo "Install these and run it again:${parts/ java / a Java runtime of version $JAVA_MAJOR_MIN or later }"
  fi
}

# The servers that the packages bring are not wanted as services: the exchange runs its own, as ordinary processes.
install_debian() {
  local as_root=$1 policy=/usr/sbin/policy-rc.d packages=() part own_policy=
  shift
  $as_root apt-get update -q || return
  for part in "$@"; do packages+=("$(debian_package "$part")"); done
  if [ ! -e "$policy" ]; then
    own_policy=yes
    printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" > /dev/null
    $as_root chmod 755 "$policy"
  fi
  local result=0
  $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${packages[@]}" || result=$?
  [ -z "$own_policy" ] || $as_root rm -f "$policy"
  if command -v systemctl > /dev/null; then
    case " $* " in *" redis "*) $as_root systemctl disable redis-server || true ;; esac
    case " $* " in *" prometheus "*) $as_root systemctl disable prometheus prometheus-node-exporter || true ;; esac
    case " $* " in *" postgresql "*) $as_root systemctl disable postgresql || true ;; esac
  fi
  return "$result"
}

install_parts() {
  local as_root=
  [ "$(id -u)" = 0 ] || as_root=sudo
  if ! command -v apt-get > /dev/null; then
    fail "missing: $*" "$(advise "$@")"
  fi
  if [ -n "$as_root" ] && ! command -v sudo > /dev/null; then
    fail "missing: $*, and only root may install them" "As root: apt-get install $(for p in "$@"; do printf '%s ' "$(debian_package "$p")"; done)"
  fi
  [ -z "$as_root" ] || sudo -v || fail "missing: $*, and sudo was refused"
  step "installing $*" install_debian "$as_root" "$@"
}

# Whether node_modules holds every package of the lock file in its version; those of other systems are optional.
npm_is_current() {
  [ -f node_modules/.package-lock.json ] && node -e '
    const packages = (file) => JSON.parse(require("fs").readFileSync(file)).packages
    const wanted = packages("package-lock.json"), found = packages("node_modules/.package-lock.json")
    const differs = ([path, { version, optional }]) =>
      path !== "" && !(optional && !found[path]) && (!found[path] || found[path].version !== version)
    process.exit(Object.entries(wanted).some(differs) ? 1 : 0)'
}

# The Kafka client is compiled for this machine. Its parallel build needs config.h to be there before it begins.
build_kafka_client() {
  local prefix
  prefix=$(dirname "$(dirname "$(node -p process.execPath)")")
  if [ -f "$prefix/include/node/node.h" ]; then export npm_config_nodedir=$prefix; fi
  (cd node_modules/node-rdkafka/deps && node ../util/configure) || return
  JOBS=$(getconf _NPROCESSORS_ONLN) npm rebuild node-rdkafka --foreground-scripts
}

require_node
missing=$(missing_parts)
# shellcheck disable=SC2086 # One word is one part.
[ -z "$missing" ] || install_parts $missing
npm_is_current || step "npm packages" npm ci --ignore-scripts --no-audit --no-fund
[ -f node_modules/node-rdkafka/build/Release/node-librdkafka.node ] ||
  step "compiling node-rdkafka" build_kafka_client
