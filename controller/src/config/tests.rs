//! Command lines and what they ask for.

use controller_core::cluster_ip::Duty;

use super::*;

fn request(line: &str) -> Result<Request, ConfigError> {
    let arguments: Vec<String> =
        line.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect();
    parse(&arguments)
}

fn running(line: &str) -> Config {
    match request(line) {
        Ok(Request::Run(config)) => *config,
        other => panic!("{line}: {other:?}"),
    }
}

fn usage(line: &str) -> String {
    match request(line) {
        Err(ConfigError::Usage(text)) => text,
        other => panic!("{line}: {other:?}"),
    }
}

fn invalid(line: &str) -> String {
    match request(line) {
        Err(ConfigError::Invalid(text)) => text,
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn defaults_are_those_of_kube_controller_manager() {
    let config = running("");
    let five = NonZeroUsize::new(5).unwrap();
    let pace = Pace { concurrent_syncs: five, batch_period: Duration::ZERO };
    let settings = Settings {
        controllers: Controller::ALL.map(|controller| (controller, pace)).into(),
        optional: [Controller::ClusterIp].into(),
        max_endpoints_per_slice: NonZeroUsize::new(100).unwrap(),
        mirroring_max_endpoints_per_subset: NonZeroUsize::new(1000).unwrap(),
        cluster_ip_mode: ClusterIpMode::Auto,
        kube_api_qps: Some(20.0),
        kube_api_burst: 30,
        min_resync_period: Some(Duration::from_secs(12 * 3600)),
        start_interval: Duration::ZERO,
    };
    assert_eq!(config.settings, settings);
    let logging = Logging::default();
    assert_eq!(config.logging, logging);
}

#[test]
fn flags_are_written_in_any_of_kcms_ways() {
    let config =
        running("--kube_api_qps=50 --kube-api-burst 7 -v=4 --kubeconfig=/a --kubeconfig /b");
    assert_eq!(config.settings.kube_api_qps, Some(50.0));
    assert_eq!(config.settings.kube_api_burst, 7);
    assert_eq!(config.logging.verbosity, 4);
    assert_eq!(config.kubeconfig.as_deref(), Some("/b"), "the last one wins");
    assert_eq!(running("-v4").logging.verbosity, 4);
    assert_eq!(running("--kube-api-qps=-1").settings.kube_api_qps, None);
    assert_eq!(running("--kube-api-qps=0").settings.kube_api_qps, Some(5.0));
}

#[test]
fn durations_are_written_as_in_go() {
    let batch = |text: &str| {
        let config = running(&format!("--endpointslice-updates-batch-period={text}"));
        config.settings.controllers[&Controller::EndpointSlice].batch_period
    };
    assert_eq!(batch("1h30m"), Duration::from_secs(5400));
    assert_eq!(batch("1.5s"), Duration::from_millis(1500));
    assert_eq!(batch("500ms"), Duration::from_millis(500));
    assert_eq!(batch("0"), Duration::ZERO);
    assert_eq!(batch("-1s"), Duration::ZERO, "a negative period means at once");
}

#[test]
fn what_cannot_be_parsed_is_told_in_kcms_words() {
    let cases = [
        ("--foo", "unknown flag: --foo"),
        ("--foo=3", "unknown flag: --foo"),
        ("--logtostderr", "unknown flag: --logtostderr"),
        ("-x", "unknown shorthand flag: 'x' in -x"),
        ("--kubeconfig", "flag needs an argument: --kubeconfig"),
        (
            "--kube-api-burst=abc",
            "invalid argument \"abc\" for \"--kube-api-burst\" flag: strconv.ParseInt: parsing \"abc\": invalid syntax",
        ),
        (
            "--kube-api-burst=3000000000",
            "invalid argument \"3000000000\" for \"--kube-api-burst\" flag: strconv.ParseInt: parsing \"3000000000\": value out of range",
        ),
        (
            "--kube-api-qps=x",
            "invalid argument \"x\" for \"--kube-api-qps\" flag: strconv.ParseFloat: parsing \"x\": invalid syntax",
        ),
        (
            "--leader-elect=maybe",
            "invalid argument \"maybe\" for \"--leader-elect\" flag: strconv.ParseBool: parsing \"maybe\": invalid syntax",
        ),
        (
            "--endpointslice-updates-batch-period=5",
            "invalid argument \"5\" for \"--endpointslice-updates-batch-period\" flag: time: missing unit in duration \"5\"",
        ),
    ];
    for (line, text) in cases {
        assert_eq!(usage(line), text);
    }
}

#[test]
fn the_first_mistake_counts_even_beside_help() {
    assert_eq!(usage("--help --foo --bar"), "unknown flag: --foo");
    assert_eq!(request("--help --max-endpoints-per-slice=0"), Ok(Request::Help));
    assert_eq!(request("-h"), Ok(Request::Help));
    for (line, version) in [
        ("--version", Version::Short),
        ("--version=true", Version::Short),
        ("--version=raw", Version::Raw),
    ] {
        assert_eq!(request(line), Ok(Request::Version(version)));
    }
    running("--version=false");
    running(concat!("--version=v", env!("CARGO_PKG_VERSION")));
}

#[test]
fn values_out_of_range_are_told_together() {
    let line = "--concurrent-service-endpoint-syncs=0 --max-endpoints-per-slice=1001";
    assert_eq!(
        invalid(line),
        "[concurrent-service-endpoint-syncs must not be less than 1, but got 0, \
         max-endpoints-per-slice must not be more than 1000, but got 1001]"
    );
    assert_eq!(
        invalid("--logging-format=xml"),
        "format: Invalid value: \"xml\": Unsupported log format"
    );
}

#[test]
fn an_election_has_kcms_times_and_a_lease_of_its_own() {
    let settings = leader::Settings {
        namespace: "kube-system".to_owned(),
        name: "roster-controller-manager".to_owned(),
        lease_duration: Duration::from_secs(15),
        renew_deadline: Duration::from_secs(10),
        retry_period: Duration::from_secs(2),
    };
    assert_eq!(running("").election, Some(settings));
    assert_eq!(running("--leader-elect=false").election, None);
    assert_eq!(running("").shutdown_timeout, Some(Duration::from_secs(10)));
    assert_eq!(running("--controller-shutdown-timeout=0").shutdown_timeout, None);
}

#[test]
fn times_of_an_election_that_cannot_keep_two_leaders_apart_are_refused_by_name() {
    for (line, text) in [
        (
            "--leader-elect-resource-lock=configmaps",
            "resourceLock value must be \"leases\": --leader-elect-resource-lock is \"configmaps\"",
        ),
        (
            "--leader-elect-lease-duration=10s",
            "leaseDuration must be greater than renewDeadline: --leader-elect-lease-duration is 10s, \
             --leader-elect-renew-deadline 10s",
        ),
        (
            // Others wait for whole seconds only.
            "--leader-elect-lease-duration=10.9s --leader-elect-renew-deadline=10.5s",
            "leaseDuration must be greater than renewDeadline: --leader-elect-lease-duration is 10.9s, \
             of which whole seconds count, --leader-elect-renew-deadline 10.5s",
        ),
        (
            "--leader-elect-renew-deadline=2400ms",
            "renewDeadline must be greater than retryPeriod*JitterFactor: \
             --leader-elect-renew-deadline is 2.4s, --leader-elect-retry-period 2s, and the factor 1.2",
        ),
        (
            "--leader-elect-retry-period=0",
            "retryPeriod must be greater than zero: --leader-elect-retry-period is not",
        ),
        (
            "--leader-elect-resource-name= --leader-elect-resource-namespace=",
            "[--leader-elect-resource-name must not be empty, \
             --leader-elect-resource-namespace must not be empty]",
        ),
    ] {
        assert_eq!(invalid(line), text);
        running(&format!("--leader-elect=false {line}"));
    }
}

#[test]
fn flags_without_effect_are_not_accepted_blindly() {
    for (line, text) in [
        ("--feature-gates=Nope", "missing bool value for Nope"),
        (
            "--feature-gates=A=true,B=maybe",
            "invalid value of B=maybe, err: strconv.ParseBool: parsing \"maybe\": invalid syntax",
        ),
        (
            "--log-flush-frequency=0",
            "flushFrequency: Invalid value: \"0s\": Must be greater than zero",
        ),
        (
            "--strict-flags --cluster-cidr=10.0.0.0/8",
            "--cluster-cidr has no effect here (--strict-flags)",
        ),
    ] {
        assert_eq!(invalid(line), text);
    }
    assert!(invalid("--enable-leader-migration").contains("roster takeover check"));
    running("--strict-flags");
    running("--feature-gates=SomethingNew=true --cluster-cidr=10.0.0.0/8");
}

#[test]
fn arguments_are_refused() {
    assert_eq!(
        invalid("--leader-elect false"),
        "\"roster controller-manager\" does not take any arguments, got [\"false\"]"
    );
}

#[test]
fn flags_of_other_controllers_are_noted_and_do_nothing() {
    let config = running("--cluster-cidr=10.0.0.0/8 --allocate-node-cidrs --root-ca-file /nowhere");
    assert_eq!(config.without_effect, ["cluster-cidr", "allocate-node-cidrs", "root-ca-file"]);
    assert_eq!(config.flags["cluster-cidr"], "10.0.0.0/8");
}

#[test]
fn who_gives_cluster_ips_is_asked_unless_it_is_said() {
    let mode = |line: &str| running(line).settings.cluster_ip_mode;
    assert_eq!(mode("--cluster-ip-mode=reconcile"), ClusterIpMode::Fixed(Duty::Reconcile));
    assert_eq!(mode("--cluster-ip-mode=audit"), ClusterIpMode::Fixed(Duty::Audit));
    assert_eq!(
        invalid("--cluster-ip-mode=webhook"),
        "cluster-ip-mode must be auto, reconcile or audit, but got \"webhook\""
    );
}
