//! Which IP families a Service needs addresses of, and under which policy: what kube-apiserver
//! decides when a Service is created (KEP-563), for API servers that leave it to us.

use std::fmt;
use std::net::IpAddr;

use crate::facts::{IpFamily, IpFamilyPolicy};

/// What the author of a Service asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// The addresses, in their order; none of a headless Service.
    pub addresses: Vec<IpAddr>,
    /// `spec.ipFamilies`, possibly fewer than there are addresses.
    pub families: Vec<IpFamily>,
    /// `spec.ipFamilyPolicy`.
    pub policy: Option<IpFamilyPolicy>,
    /// How the Service is reached.
    pub reach: Reach,
}

/// How a Service is reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// By its own addresses.
    #[default]
    ClusterIp,
    /// By the addresses of the Pods that it selects.
    Headless,
    /// By addresses that somebody else publishes: headless, without a selector.
    HeadlessWithoutSelector,
}

/// The families that the cluster serves. The first is the default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Served {
    /// One family.
    One(IpFamily),
    /// Both, this one first.
    Both(IpFamily),
}

/// What a Service needs: an address of each family, in this order, unless it is headless.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Needs {
    /// The policy, given or by default.
    pub policy: IpFamilyPolicy,
    /// The families; the first ones are those of the addresses that were asked for.
    pub families: Vec<IpFamily>,
}

/// What is wrong with the fields of a Service. The words are kube-apiserver's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// An address is of another family than the entry of `ipFamilies` in its place.
    OtherFamily {
        /// The place.
        index: usize,
        /// The family that `ipFamilies` says.
        expected: IpFamily,
    },
    /// Two addresses under SingleStack.
    TwoAddresses,
    /// Two families under SingleStack.
    TwoFamilies,
    /// The cluster does not serve the family of an address.
    AddressNotServed {
        /// The place.
        index: usize,
        /// The family.
        family: IpFamily,
    },
    /// RequireDualStack, and the cluster serves one family.
    NotDualStack,
    /// The cluster does not serve an entry of `ipFamilies`.
    FamilyNotServed {
        /// The place.
        index: usize,
    },
}

/// Decides what a Service needs, or finds all that is wrong with it.
pub fn needs(asked: &Asked, served: Served) -> Result<Needs, Vec<Problem>> {
    let policy = asked.policy.unwrap_or(match asked.reach {
        Reach::HeadlessWithoutSelector => IpFamilyPolicy::RequireDualStack,
        Reach::ClusterIp | Reach::Headless => IpFamilyPolicy::SingleStack,
    });
    none(other_families(asked))?;
    none(too_many(asked, policy).chain(unserved_addresses(asked, served)))?;

    let inferred = asked.addresses.iter().skip(asked.families.len());
    let mut families = asked.families.clone();
    families.extend(inferred.map(|address| IpFamily::of(*address)));
    // The addresses behind such a Service are not of the cluster, so any family is as good.
    let limit = match asked.reach {
        Reach::HeadlessWithoutSelector => Served::Both(served.first()),
        Reach::ClusterIp | Reach::Headless => served,
    };
    none(unserved(&families, policy, limit))?;

    let first = *families.first().unwrap_or(&limit.first());
    let wants_both = policy != IpFamilyPolicy::SingleStack && matches!(limit, Served::Both(_));
    if families.is_empty() {
        families.push(first);
    }
    if wants_both && families.len() == 1 {
        families.push(first.other());
    }
    Ok(Needs { policy, families })
}

fn none(problems: impl Iterator<Item = Problem>) -> Result<(), Vec<Problem>> {
    let problems: Vec<Problem> = problems.collect();
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

fn other_families(asked: &Asked) -> impl Iterator<Item = Problem> {
    let both = asked.addresses.iter().zip(&asked.families).enumerate();
    both.filter(|(_, (address, family))| IpFamily::of(**address) != **family)
        .map(|(index, (_, expected))| Problem::OtherFamily { index, expected: *expected })
}

fn too_many(asked: &Asked, policy: IpFamilyPolicy) -> impl Iterator<Item = Problem> {
    let single = policy == IpFamilyPolicy::SingleStack;
    let addresses = (single && asked.addresses.len() > 1).then_some(Problem::TwoAddresses);
    let families = (single && asked.families.len() > 1).then_some(Problem::TwoFamilies);
    addresses.into_iter().chain(families)
}

/// Addresses whose family is inferred, and not served.
fn unserved_addresses(asked: &Asked, served: Served) -> impl Iterator<Item = Problem> {
    let inferred = asked.addresses.iter().enumerate().skip(asked.families.len());
    inferred
        .map(|(index, address)| (index, IpFamily::of(*address)))
        .filter(move |(_, family)| !served.has(*family))
        .map(|(index, family)| Problem::AddressNotServed { index, family })
}

fn unserved(
    families: &[IpFamily],
    policy: IpFamilyPolicy,
    served: Served,
) -> impl Iterator<Item = Problem> {
    let lacks_one = policy == IpFamilyPolicy::RequireDualStack && matches!(served, Served::One(_));
    let unserved = families.iter().enumerate().filter(move |(_, family)| !served.has(**family));
    let each = unserved.map(|(index, _)| Problem::FamilyNotServed { index });
    lacks_one.then_some(Problem::NotDualStack).into_iter().chain(each)
}

impl Served {
    /// The default family.
    pub fn first(self) -> IpFamily {
        match self {
            Served::One(family) | Served::Both(family) => family,
        }
    }

    /// Whether a family is served.
    pub fn has(self, family: IpFamily) -> bool {
        match self {
            Served::One(only) => only == family,
            Served::Both(_) => true,
        }
    }
}

impl Problem {
    /// The field that it is about.
    pub fn field(&self) -> String {
        match self {
            Problem::OtherFamily { index, .. } | Problem::AddressNotServed { index, .. } => {
                format!("spec.clusterIPs[{index}]")
            }
            Problem::FamilyNotServed { index } => format!("spec.ipFamilies[{index}]"),
            Problem::TwoAddresses | Problem::TwoFamilies | Problem::NotDualStack => {
                "spec.ipFamilyPolicy".to_owned()
            }
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let single = "must be 'RequireDualStack' or 'PreferDualStack' when multiple";
        write!(formatter, "{}: ", self.field())?;
        match self {
            Problem::OtherFamily { index, expected } => {
                let article = if *expected == IpFamily::V4 { "an IPv4" } else { "an IPv6" };
                write!(formatter, "expected {article} value as indicated by `ipFamilies[{index}]`")
            }
            Problem::TwoAddresses => write!(formatter, "{single} cluster IPs are specified"),
            Problem::TwoFamilies => write!(formatter, "{single} IP families are specified"),
            Problem::AddressNotServed { family, .. } => {
                write!(formatter, "{family} is not configured on this cluster")
            }
            Problem::NotDualStack => {
                formatter.write_str("this cluster is not configured for dual-stack services")
            }
            Problem::FamilyNotServed { .. } => {
                formatter.write_str("not configured on this cluster")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use IpFamily::{V4, V6};
    use IpFamilyPolicy::{
        PreferDualStack as Prefer, RequireDualStack as Require, SingleStack as Single,
    };

    use super::*;

    const ONE: Served = Served::One(V4);
    const TWO: Served = Served::Both(V4);

    fn asked(addresses: &[&str], families: &[IpFamily], policy: Option<IpFamilyPolicy>) -> Asked {
        let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
        Asked { addresses, families: families.to_vec(), policy, reach: Reach::ClusterIp }
    }

    fn get(policy: IpFamilyPolicy, families: &[IpFamily]) -> Result<Needs, Vec<Problem>> {
        Ok(Needs { policy, families: families.to_vec() })
    }

    fn other(index: usize, expected: IpFamily) -> Problem {
        Problem::OtherFamily { index, expected }
    }

    const P: &str = "10.96.0.9";
    const S: &str = "fd00::9";
    const F2A: Problem = Problem::TwoAddresses;
    const F2B: Problem = Problem::TwoFamilies;
    const F3: Problem = Problem::AddressNotServed { index: 0, family: V6 };
    const F3_SECOND: Problem = Problem::AddressNotServed { index: 1, family: V6 };
    const F4: Problem = Problem::NotDualStack;
    const F5: Problem = Problem::FamilyNotServed { index: 0 };
    const F5_SECOND: Problem = Problem::FamilyNotServed { index: 1 };

    /// Asked for; given by a cluster of IPv4; given by a cluster of both, IPv4 first.
    type Row = (Asked, Result<Needs, Vec<Problem>>, Result<Needs, Vec<Problem>>);

    fn without_address() -> Vec<Row> {
        let none = |families: &[IpFamily], policy| asked(&[], families, policy);
        vec![
            (none(&[], None), get(Single, &[V4]), get(Single, &[V4])),
            (none(&[], Some(Single)), get(Single, &[V4]), get(Single, &[V4])),
            (none(&[], Some(Prefer)), get(Prefer, &[V4]), get(Prefer, &[V4, V6])),
            (none(&[], Some(Require)), Err(vec![F4]), get(Require, &[V4, V6])),
            (none(&[V4], None), get(Single, &[V4]), get(Single, &[V4])),
            (none(&[V4], Some(Prefer)), get(Prefer, &[V4]), get(Prefer, &[V4, V6])),
            (none(&[V4], Some(Require)), Err(vec![F4]), get(Require, &[V4, V6])),
            (none(&[V6], None), Err(vec![F5]), get(Single, &[V6])),
            (none(&[V6], Some(Prefer)), Err(vec![F5]), get(Prefer, &[V6, V4])),
            (none(&[V6], Some(Require)), Err(vec![F4, F5]), get(Require, &[V6, V4])),
            (none(&[V4, V6], None), Err(vec![F2B]), Err(vec![F2B])),
            (none(&[V6, V4], Some(Single)), Err(vec![F2B]), Err(vec![F2B])),
            (none(&[V4, V6], Some(Prefer)), Err(vec![F5_SECOND]), get(Prefer, &[V4, V6])),
            (none(&[V6, V4], Some(Require)), Err(vec![F4, F5]), get(Require, &[V6, V4])),
        ]
    }

    fn with_one_address() -> Vec<Row> {
        let p = |families: &[IpFamily], policy| asked(&[P], families, policy);
        let s = |families: &[IpFamily], policy| asked(&[S], families, policy);
        vec![
            (p(&[], None), get(Single, &[V4]), get(Single, &[V4])),
            (p(&[V4], Some(Prefer)), get(Prefer, &[V4]), get(Prefer, &[V4, V6])),
            (p(&[], Some(Require)), Err(vec![F4]), get(Require, &[V4, V6])),
            (p(&[V6], None), Err(vec![other(0, V6)]), Err(vec![other(0, V6)])),
            (p(&[V6, V4], Some(Require)), Err(vec![other(0, V6)]), Err(vec![other(0, V6)])),
            (p(&[V4, V6], None), Err(vec![F2B]), Err(vec![F2B])),
            (p(&[V4, V6], Some(Prefer)), Err(vec![F5_SECOND]), get(Prefer, &[V4, V6])),
            (p(&[V4, V6], Some(Require)), Err(vec![F4, F5_SECOND]), get(Require, &[V4, V6])),
            (s(&[], None), Err(vec![F3]), get(Single, &[V6])),
            (s(&[], Some(Prefer)), Err(vec![F3]), get(Prefer, &[V6, V4])),
            (s(&[], Some(Require)), Err(vec![F3]), get(Require, &[V6, V4])),
            (s(&[V6], None), Err(vec![F5]), get(Single, &[V6])),
            (s(&[V6], Some(Prefer)), Err(vec![F5]), get(Prefer, &[V6, V4])),
            (s(&[V6, V4], Some(Require)), Err(vec![F4, F5]), get(Require, &[V6, V4])),
            (s(&[V6, V4], None), Err(vec![F2B]), Err(vec![F2B])),
            (s(&[V4], None), Err(vec![other(0, V4)]), Err(vec![other(0, V4)])),
            (s(&[V4, V6], Some(Prefer)), Err(vec![other(0, V4)]), Err(vec![other(0, V4)])),
        ]
    }

    fn with_two_addresses() -> Vec<Row> {
        let ps = |families: &[IpFamily], policy| asked(&[P, S], families, policy);
        let sp = |families: &[IpFamily], policy| asked(&[S, P], families, policy);
        vec![
            (ps(&[], None), Err(vec![F2A, F3_SECOND]), Err(vec![F2A])),
            (ps(&[V4], Some(Single)), Err(vec![F2A, F3_SECOND]), Err(vec![F2A])),
            (ps(&[V4, V6], None), Err(vec![F2A, F2B]), Err(vec![F2A, F2B])),
            (ps(&[], Some(Prefer)), Err(vec![F3_SECOND]), get(Prefer, &[V4, V6])),
            (ps(&[V4], Some(Require)), Err(vec![F3_SECOND]), get(Require, &[V4, V6])),
            (ps(&[V4, V6], Some(Prefer)), Err(vec![F5_SECOND]), get(Prefer, &[V4, V6])),
            (ps(&[V4, V6], Some(Require)), Err(vec![F4, F5_SECOND]), get(Require, &[V4, V6])),
            (ps(&[V6], Some(Prefer)), Err(vec![other(0, V6)]), Err(vec![other(0, V6)])),
            (
                ps(&[V6, V4], Some(Require)),
                Err(vec![other(0, V6), other(1, V4)]),
                Err(vec![other(0, V6), other(1, V4)]),
            ),
            (sp(&[], Some(Prefer)), Err(vec![F3]), get(Prefer, &[V6, V4])),
            (sp(&[V6], Some(Prefer)), Err(vec![F5]), get(Prefer, &[V6, V4])),
            (sp(&[V6], Some(Require)), Err(vec![F4, F5]), get(Require, &[V6, V4])),
        ]
    }

    #[test]
    fn families_and_policy_are_those_that_kube_apiserver_gives() {
        for (asked, one, two) in
            [without_address(), with_one_address(), with_two_addresses()].concat()
        {
            assert_eq!(needs(&asked, ONE), one, "{asked:?} where IPv4 is served");
            assert_eq!(needs(&asked, TWO), two, "{asked:?} where both are served");
        }
    }

    #[test]
    fn a_headless_service_with_a_selector_is_treated_as_any_other() {
        for (asked, one, two) in without_address() {
            let asked = Asked { reach: Reach::Headless, ..asked };
            assert_eq!((needs(&asked, ONE), needs(&asked, TWO)), (one, two), "{asked:?}");
        }
    }

    #[test]
    fn a_headless_service_without_selector_may_have_families_that_are_not_served() {
        let table = [
            (&[][..], None, get(Require, &[V4, V6])),
            (&[], Some(Single), get(Single, &[V4])),
            (&[], Some(Prefer), get(Prefer, &[V4, V6])),
            (&[], Some(Require), get(Require, &[V4, V6])),
            (&[V6], None, get(Require, &[V6, V4])),
            (&[V6], Some(Single), get(Single, &[V6])),
            (&[V6], Some(Prefer), get(Prefer, &[V6, V4])),
            (&[V6, V4], None, get(Require, &[V6, V4])),
            (&[V6, V4], Some(Single), Err(vec![F2B])),
        ];
        for (families, policy, expected) in table {
            let reach = Reach::HeadlessWithoutSelector;
            let asked = Asked { reach, ..asked(&[], families, policy) };
            assert_eq!(needs(&asked, ONE), expected, "{asked:?}");
            assert_eq!(needs(&asked, TWO), expected, "{asked:?}");
        }
    }

    #[test]
    fn problems_are_told_in_the_words_of_kube_apiserver() {
        let told = |problem: Problem| problem.to_string();
        assert_eq!(
            told(other(0, V6)),
            "spec.clusterIPs[0]: expected an IPv6 value as indicated by `ipFamilies[0]`"
        );
        assert_eq!(
            told(F4),
            "spec.ipFamilyPolicy: this cluster is not configured for dual-stack services"
        );
        assert_eq!(told(F3), "spec.clusterIPs[0]: IPv6 is not configured on this cluster");
    }
}
