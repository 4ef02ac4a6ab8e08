# One command for each habit. `just` alone lists them.

default:
    @just --list

# The shop on embedded defaults: http://localhost:8080, its traces on http://localhost:8090.
up *ARGS:
    cargo run --release -- up {{ARGS}}

# Everything that a change must pass.
check:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings
    cargo deny check bans licenses sources
    cargo test --workspace

# The tests alone.
test *ARGS:
    cargo test --workspace {{ARGS}}

# A temporary shop, one purchase, the edges that must exist.
verify *ARGS:
    cargo run --release -- verify {{ARGS}}

# Customers for a shop that is up.
load *ARGS:
    cargo run --release -- load {{ARGS}}

# A tracer held against the truth.
score *ARGS:
    cargo run --release -- score {{ARGS}}

# The table of docs/performance.md: every scenario on both databases.
score-all:
    cargo build --release
    mkdir -p docs/results/score
    for database in sqlite postgres; do \
        for scenario in mixed browse purchase rush sequence join spawn fanout hedge; do \
            target/release/bookstore score --scenario $scenario --database $database --requests 1500 --runs 3 \
                --min-right all=100 --max-wrong all=0 --max-missing 0 --json > docs/results/score/$database-$scenario.json || exit 1; \
        done; \
    done

# docs/results/foreign.json, as root: the agent on programs that it was not tuned on, in every build.
score-foreign:
    tests/foreign/matrix

# The table of docs/agent.md, as root: the agent held against the truth.
score-agent:
    cargo build --release
    mkdir -p docs/results/agent
    for scenario in sequence join spawn fanout mixed hedge; do \
        target/release/bookstore score --side ebpf --scenario $scenario --database postgres --requests 5000 --runs 3 \
            --json > docs/results/agent/$scenario.json || exit 1; \
    done
    for scenario in sequence join spawn fanout mixed; do for concurrency in 1 16 256; do \
        target/release/bookstore score --side ebpf --scenario $scenario --database postgres --concurrency $concurrency \
            --requests 2000 --json > docs/results/agent/$scenario-$concurrency.json || exit 1; \
    done; done
    target/release/bookstore score --side ebpf --link-by thread --scenario mixed --database postgres --requests 5000 --runs 3 \
        --json > docs/results/agent/mixed-by-thread.json

# The recordings that the agent's linker is tested with, made again, as root; also what must come of them. They are packed
# again behind their head of 16 bytes: at work there is no time to pack them well.
record-agent:
    cargo build --release
    for scenario in sequence join spawn fanout hedge mixed; do \
        made=target/recordings/$scenario kept=agent/tests/recordings/$scenario; \
        case $scenario in \
            fanout | hedge) extent="--concurrency 64 --requests 64" ;; \
            mixed) extent="--concurrency 8 --requests 64" ;; \
            *) extent="--concurrency 64 --requests 130" ;; \
        esac; \
        rm -rf $made && mkdir -p target/recordings $kept && \
        target/release/bookstore score --side ebpf --scenario $scenario --database postgres $extent --record $made && \
        (head -c 16 $made/kernel.rec && tail -c +17 $made/kernel.rec | gzip -dc | gzip -9n) > $kept/kernel.rec && \
        cat $made/truth/*.jsonl | gzip -9n > $kept/truth.jsonl.gz || exit 1; \
    done
    INSTA_UPDATE=always cargo test -p bookstore-agent --test recorded

# The agent's programs for the kernel, built again (clang 14).
bpf:
    agent/bpf/build

# What instrumentation costs, on this machine (about ten minutes).
bench *ARGS:
    cargo run --release -- bench {{ARGS}}

# The figures of docs/performance.md, measured again and written to docs/results.
measure *ARGS:
    cargo build --release
    cargo run --release -p bookstore-measure -- {{ARGS}}

# The build that has no OpenTelemetry in it.
bare:
    cargo build --release --no-default-features
    ! cargo tree --no-default-features --edges normal,build --prefix none | grep -i opentelemetry
