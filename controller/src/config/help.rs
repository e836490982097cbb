//! The help of `roster controller-manager`.

/// The text. It goes to standard output when asked for, and to standard error under a mistake.
pub fn help() -> &'static str {
    "\
Publishes where Services are served: for every Service with a selector, the addresses of the Pods
that the selector matches, and whether they are ready, in EndpointSlices and in Endpoints; and
hand-made Endpoints once more in EndpointSlices. It takes the place of three controllers of
kube-controller-manager, with the same objects, labels, events and flags. A fourth gives Services
their ClusterIPs where the API server does not.

Usage:
  roster controller-manager [flags]

Which cluster:
      --kubeconfig PATH       How to reach the API server, and as whom. Without it and without
                              --master, the service account of the Pod that this runs in
      --master URL            The API server, in place of the one in the kubeconfig

What runs:
      --controllers LIST      Names, comma separated; -NAME means not this one; * means
                              endpointslice-controller, endpoints-controller,
                              endpointslice-mirroring-controller and clusterip-controller
                              (default *). Where the last one runs because of * only, it rests
                              while it lacks rights. Names of controllers that stay with
                              kube-controller-manager are accepted and change nothing
      --use-service-account-credentials
                              Each controller writes as a ServiceAccount of its own in kube-system,
                              such as endpointslice-controller (default false)
      --takeover-check        Write nothing while kube-controller-manager writes the same, and end if
                              it begins to. =false: write all the same (default true)
      --controller-start-interval DURATION
                              Each controller begins one to two of these after leading has (default
                              0: at once)
      --min-resync-period DURATION
                              Visit everything again after one to two of these, so that not even a
                              mistake of ours lasts (default 12h; 0: never)
      --controller-shutdown-timeout DURATION
                              How long writes in flight may take at the end (default 10s; 0: as long
                              as they take)

Several replicas, of which one writes:
      --leader-elect          Elect a leader. =false if this is the only replica (default true)
      --leader-elect-lease-duration DURATION
                              How long others wait for a leader that is silent (default 15s)
      --leader-elect-renew-deadline DURATION
                              How long a leader goes on after it last renewed its Lease (default 10s)
      --leader-elect-retry-period DURATION
                              How long between two renewals, or two tries (default 2s)
      --leader-elect-resource-name NAME, --leader-elect-resource-namespace NAMESPACE
                              The Lease (default roster-controller-manager in kube-system)
      --leader-elect-resource-lock KIND
                              leases, which is the default and all there is

EndpointSlices:
      --concurrent-service-endpoint-syncs N
                              How many Services are worked on at once, 1 to 50 (default 5)
      --max-endpoints-per-slice N
                              Up to how many endpoints a slice is filled, 1 to 1000 (default 100)
      --endpointslice-updates-batch-period DURATION
                              How long changes of Pods are collected before their Service is worked
                              on, such as 500ms (default 0: at once)

Endpoints:
      --concurrent-endpoint-syncs N
                              How many Services are worked on at once, 1 or more (default 5)
      --endpoint-updates-batch-period DURATION
                              How long changes of Pods are collected (default 0: at once)

EndpointSlices that mirror hand-made Endpoints:
      --mirroring-concurrent-service-endpoint-syncs N
                              How many Endpoints are worked on at once, 1 to 50 (default 5)
      --mirroring-max-endpoints-per-subset N
                              How many addresses of a subset are mirrored, 1 to 1000 (default 1000)
      --mirroring-endpointslice-updates-batch-period DURATION
                              How long changes of mirrored slices by others are collected before
                              they are put right (default 0: at once)

ClusterIPs:
      --cluster-ip-mode MODE  reconcile: give Services their ClusterIPs; audit: the API server does
                              (default auto: it is asked, by a Service that is created only for trial)

The admission webhook, which chooses ClusterIPs where the API server gives them (`roster manifests
webhook` makes it known there):
      --webhook-secure-port N The port; 0 means none (default 0). Needs clusterip-controller
      --webhook-bind-address IP
                              The address (default 0.0.0.0: all, of both families)
      --webhook-cert-dir PATH Where its certificate lies: tls.crt and tls.key, read again when they
                              change; made there once, with ca.crt, if there is none
      --webhook-client-ca-file PATH
                              The authorities of those who may ask (default: all may)

Load on the API server:
      --kube-api-qps N        Writes a second, 0 means 5, negative means no limit (default 20)
      --kube-api-burst N      Writes at once before that limit holds (default 30)
      --kube-api-content-type application/json
                              Ask for objects and write them in JSON (default
                              application/vnd.kubernetes.protobuf where the API server has it)

Health, metrics and what the process tells of itself, by HTTPS:
      --secure-port N         The port; 0 means none (default 10257, which kube-controller-manager has,
                              too: beside it on a common network, choose another)
      --bind-address IP       The address (default 0.0.0.0: all, of both families)
      --tls-cert-file PATH, --tls-private-key-file PATH
                              The certificate and its key, read again when they change
      --cert-dir PATH         Where a certificate for localhost is made once, if none is given; without
                              it, one is made at every start
      --tls-min-version VersionTLS12|VersionTLS13
                              The oldest TLS that is spoken (default VersionTLS12)
      --tls-cipher-suites LIST
                              The suites of TLS 1.2, by their IANA names (default all that are safe)
      --tls-curve-preferences LIST
                              How keys may be exchanged, by IANA numbers: 23, 24, 29, 4588 (default
                              all of these)
      --tls-sni-cert-key CERTIFICATE,KEY[:NAMES]
                              A pair for clients that ask for these names, or for those that the
                              certificate has. May be given several times
      --disable-http2-serving Speak HTTP/1.1 only
      --http2-max-streams-per-connection N
                              How many requests of a connection are answered at once (default 0: 64)
      --permit-port-sharing   Let others listen on the same port (SO_REUSEPORT)
      --profiling             Open /debug/flags/v, where the verbosity can be PUT (default false)
      --disabled-metrics LIST The names of metrics that are not shown
      --allow-metric-labels 'METRIC,LABEL=VALUES'
                              Which values of a label are told; all others become \"unexpected\". May
                              be given several times
      --allow-metric-labels-manifest PATH
                              The same as YAML, 'METRIC,LABEL': 'VALUES' a line

Who may read what there (health is open to all):
      --authentication-kubeconfig PATH
                              As whom the API server is asked whose a token is. Without it, as the Pod
                              that this runs in; outside a Pod no token is believed
      --authorization-kubeconfig PATH
                              As whom it is asked what somebody may read; likewise
      --authorization-always-allow-paths LIST
                              What everybody may read; * at the end means all that begin so
                              (default /healthz,/readyz,/livez)
      --client-ca-file PATH   The authorities of clients' certificates. Without it they are read in the
                              cluster
      --requestheader-client-ca-file PATH
                              The authorities of proxies that speak for others; likewise. Further:
                              --requestheader-allowed-names, -username-headers, -group-headers,
                              -uid-headers and -extra-headers-prefix
      --authentication-skip-lookup
                              Do not read authorities in the cluster
      --authentication-tolerate-lookup-failure
                              Start even if they cannot be read
      --authentication-token-webhook-cache-ttl DURATION
      --authorization-webhook-cache-authorized-ttl DURATION
      --authorization-webhook-cache-unauthorized-ttl DURATION
                              How long an answer is good (default 10s)

Logs, on standard error:
  -v, --v N                   0: starts, stops, failures. 2: every write. 4: every decision
                              (default 0)
      --vmodule PATTERN=N,…   The same for some modules, by the names in front of each line; only with
                              the format text
      --logging-format FORMAT text (as klog writes) or json (default text)

  -h, --help                  This
      --version               The version. =raw: all about the build

      --feature-gates NAME=true|false,…
                              Accepted, and without effect: there are no gates here
      --strict-flags          Refuse flags that have no effect here (default false)

All other flags of kube-controller-manager are accepted, have no effect, and say so in the log.

Switch the controllers off in kube-controller-manager; until then this one waits. `roster takeover
check` says how:
  kube-controller-manager \\
    --controllers=*,-endpoints-controller,-endpointslice-controller,-endpointslice-mirroring-controller …
  roster controller-manager --kubeconfig=/etc/kubernetes/controller-manager.conf
"
}
