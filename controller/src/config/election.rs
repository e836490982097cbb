//! `--leader-elect` and the flags that belong to it: kube-controller-manager's limits, told with the
//! names of the flags before anything is started. It takes the same limits for programming errors and
//! panics.

use std::time::Duration;

use super::flags::Values;
use crate::leader::Settings;

/// How much longer than the retry period a candidate may wait, in client-go's check of the times.
const JITTER_FACTOR: f64 = 1.2;

/// What the values ask for. They are to be checked first.
pub fn settings(values: &Values) -> Option<Settings> {
    values.leader_elect.then(|| Settings {
        namespace: values.leader_elect_resource_namespace.clone(),
        name: values.leader_elect_resource_name.clone(),
        lease_duration: values.leader_elect_lease_duration,
        renew_deadline: values.leader_elect_renew_deadline,
        retry_period: values.leader_elect_retry_period,
    })
}

/// What is wrong with them.
pub fn problems(values: &Values) -> Vec<String> {
    if !values.leader_elect {
        return Vec::new();
    }
    let lock = &values.leader_elect_resource_lock;
    let foreign_lock = (lock != "leases").then(|| {
        format!("resourceLock value must be \"leases\": --leader-elect-resource-lock is {lock:?}")
    });
    let unnamed = [
        ("--leader-elect-resource-name", &values.leader_elect_resource_name),
        ("--leader-elect-resource-namespace", &values.leader_elect_resource_namespace),
    ];
    let unnamed = unnamed.into_iter().filter(|(_, value)| value.is_empty());
    let unnamed = unnamed.map(|(flag, _)| format!("{flag} must not be empty"));
    foreign_lock.into_iter().chain(times(values)).chain(unnamed).collect()
}

fn times(values: &Values) -> Option<String> {
    let lease = values.leader_elect_lease_duration;
    let renew = values.leader_elect_renew_deadline;
    let retry = values.leader_elect_retry_period;
    // The Lease holds whole seconds; what is cut off others do not wait for.
    let whole = Duration::from_secs(lease.as_secs());
    if whole <= renew {
        let count = if whole == lease { "" } else { " of which whole seconds count," };
        return Some(format!(
            "leaseDuration must be greater than renewDeadline: --leader-elect-lease-duration is \
             {lease:?},{count} --leader-elect-renew-deadline {renew:?}"
        ));
    }
    if retry.is_zero() {
        return Some(
            "retryPeriod must be greater than zero: --leader-elect-retry-period is not".to_owned(),
        );
    }
    (renew <= retry.mul_f64(JITTER_FACTOR)).then(|| {
        format!(
            "renewDeadline must be greater than retryPeriod*JitterFactor: \
             --leader-elect-renew-deadline is {renew:?}, --leader-elect-retry-period {retry:?}, and \
             the factor {JITTER_FACTOR}"
        )
    })
}
