# A menu: every line is a command that you can also type yourself.

# Show the menu.
default:
    @just --list --unsorted

# Real orders through the whole saga, in one process.
demo *args:
    cargo xtask demo {{args}}

# Everything in one process, on the embedded broker.
dev *args:
    cargo run --bin headwater -- dev {{args}}

# All that must hold, on the embedded broker and on Apache Kafka.
test *parts:
    cargo xtask test {{parts}}

# The tests of one crate, e.g. `just unit headwater-streams`.
unit package *args:
    cargo test -p {{package}} {{args}}

# The repository's invariants.
tidy:
    cargo xtask tidy

# rustfmt and clippy.
lint:
    cargo xtask lint

# Format the code.
fmt:
    cargo fmt --all

# Advisories, licences and sources of the dependencies (needs cargo-deny).
deny:
    cargo deny check

# A real Apache Kafka: up, down, status.
kafka verb="up" *args:
    cargo xtask kafka {{verb}} {{args}}

# Apicurio Registry: up, down.
registry verb="up" *args:
    cargo xtask registry {{verb}} {{args}}

# Beside Kafka Streams, as ratios.
bench *args:
    cargo xtask bench {{args}}

# kill -9 under load, again and again, then count.
crash *args:
    cargo xtask crash {{args}}

# Three brokers, six instances, a script of faults, then the audit.
faults *args:
    cargo xtask faults {{args}}

# Kafka, Karapace and Kafka UI in containers; profiles: tools, observability.
up *profiles:
    docker compose -f docker-compose.kafka.yml {{ if profiles == "" { "" } else { "--profile " + replace(profiles, " ", " --profile ") } }} up -d

# End the containers.
down:
    docker compose -f docker-compose.kafka.yml --profile '*' down
