// Nothing is built here. The module is where the Prometheus Operator keeps the definitions of its kinds.
module roster.dev/testbed/prometheus-operator

go 1.26.0

require github.com/prometheus-operator/prometheus-operator v0.85.0
