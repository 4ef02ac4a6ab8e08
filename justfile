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

# The figures of docs/performance.md, measured again and written to docs/results.
measure *ARGS:
    cargo build --release
    cargo run --release -p bookstore-measure -- {{ARGS}}

# The build that has no OpenTelemetry in it.
bare:
    cargo build --release --no-default-features
    ! cargo tree --no-default-features --edges normal,build --prefix none | grep -i opentelemetry
