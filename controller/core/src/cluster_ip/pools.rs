//! Which addresses a Service may have, by the pools of the cluster.

use std::cmp::Reverse;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use allocator::{Allocator, IpFamily, Range, Span};

use crate::facts::cluster_ip_pool::Enforcement;
use crate::facts::{ClusterIpPool, Labels, Service};
use crate::key::Text;
use crate::reason::Reason;

/// The pools of a cluster, in the order in which a Service that matches several looks at them.
#[derive(Clone, Debug, Default)]
pub struct Pools {
    pools: Vec<Pool>,
    /// The bands of the ServiceCIDRs that give addresses.
    dynamic: Vec<Span>,
    fixed: Vec<Span>,
}

/// A pool, and what it comes to beside the ServiceCIDRs and the other pools.
#[derive(Clone, Debug)]
pub struct Pool {
    /// The pool.
    pub pool: Arc<ClusterIpPool>,
    /// What is left of its ranges inside the ServiceCIDRs that give addresses.
    pub spans: Vec<Span>,
    /// Whether some of its ranges are outside of them.
    pub reaches_outside: bool,
    /// The pools with which it shares addresses, although one of the two is exclusive. The eldest
    /// has them.
    pub conflicts: Vec<Text>,
}

/// From where a Service is given an address: each stage is tried when those before it are full.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The stages.
    pub stages: Vec<Stage>,
    /// The pool that must give the address, if one must.
    pub bound_to: Option<Text>,
}

/// Addresses that are equally good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// The pool that they are of, if they are of one that the Service matches.
    pub pool: Option<Text>,
    /// The addresses.
    pub spans: Vec<Span>,
}

/// Why a Service may not have an address. The text says which pool, what it demands, and what
/// would be accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The pool that must give the address has none left.
    Exhausted {
        /// The pool.
        pool: Text,
        /// Its addresses of the family.
        size: u128,
    },
    /// The pool that must give the address gives none at present.
    Disabled {
        /// The pool.
        pool: Text,
    },
    /// A pool must give the address, and has none of the family.
    NoneOfFamily {
        /// The pool.
        pool: Text,
        /// The family.
        family: IpFamily,
    },
    /// The address that was asked for is not in the pool that must give it.
    NotOfPool {
        /// The pool.
        pool: Text,
        /// The address.
        address: IpAddr,
        /// What the pool has.
        spans: Vec<Span>,
    },
    /// The address that was asked for is in a pool that is for others.
    OfOthers {
        /// The pool.
        pool: Text,
        /// The address.
        address: IpAddr,
    },
}

impl Pools {
    /// Puts the pools in order, beside the ranges that give addresses.
    pub fn new(pools: &[Arc<ClusterIpPool>], ranges: &[Range]) -> Self {
        let usable: Vec<Span> = ranges.iter().filter_map(Range::usable).collect();
        let mut pools: Vec<Pool> = pools.iter().map(|pool| judge(pool, pools, &usable)).collect();
        pools.sort_by_key(|it| (Reverse(it.pool.priority), it.pool.created, it.pool.name.clone()));
        Pools {
            pools,
            dynamic: ranges.iter().filter_map(Range::dynamic_band).collect(),
            fixed: ranges.iter().filter_map(Range::static_band).collect(),
        }
    }

    /// The pools.
    pub fn iter(&self) -> impl Iterator<Item = &Pool> {
        self.pools.iter()
    }

    /// From where a Service that asks for no address in particular is given one.
    pub fn offer(
        &self,
        service: &Service,
        namespace_labels: &Labels,
        family: IpFamily,
    ) -> Result<Offer, Refusal> {
        let matching = || self.pools.iter().filter(|it| it.pool.matches(service, namespace_labels));
        if let Some(binding) = binding(matching, family)? {
            let name = binding.pool.name.clone();
            if binding.pool.disabled {
                return Err(Refusal::Disabled { pool: name });
            }
            return Ok(Offer { stages: vec![binding.stage(family)], bound_to: Some(name) });
        }
        let own = matching().filter(|it| !it.pool.disabled && it.has(family));
        let mut stages: Vec<Stage> = own.map(|it| it.stage(family)).collect();
        stages.extend(self.common_stages(service, namespace_labels, family));
        Ok(Offer { stages, bound_to: None })
    }

    /// Whether a Service may have the address that it asks for.
    pub fn admit(
        &self,
        service: &Service,
        namespace_labels: &Labels,
        address: IpAddr,
    ) -> Result<(), Refusal> {
        let matching = || self.pools.iter().filter(|it| it.pool.matches(service, namespace_labels));
        if let Some(binding) = binding(matching, IpFamily::of(address))? {
            let pool = binding.pool.name.clone();
            return match binding.contains(address) {
                true if binding.pool.disabled => Err(Refusal::Disabled { pool }),
                true => Ok(()),
                false => Err(Refusal::NotOfPool { pool, address, spans: binding.spans.clone() }),
            };
        }
        let fence = self
            .pools
            .iter()
            .find(|it| it.pool.enforcement == Enforcement::Exclusive && it.contains(address));
        match fence {
            Some(it) => Err(Refusal::OfOthers { pool: it.pool.name.clone(), address }),
            None => Ok(()),
        }
    }

    /// The pool that has an address and that the Service matches, if there is one.
    pub fn giver(
        &self,
        service: &Service,
        namespace_labels: &Labels,
        address: IpAddr,
    ) -> Option<&Pool> {
        let mut matching =
            self.pools.iter().filter(|it| it.pool.matches(service, namespace_labels));
        matching.find(|it| it.contains(address))
    }

    /// The stages for everybody: outside of all pools, the dynamic bands before the static ones,
    /// and then inside of pools that allow it.
    fn common_stages(
        &self,
        service: &Service,
        namespace_labels: &Labels,
        family: IpFamily,
    ) -> [Stage; 3] {
        let is_foreign = |it: &&Pool| !it.pool.matches(service, namespace_labels);
        let all: Vec<Span> = self.pools.iter().flat_map(|it| it.spans.clone()).collect();
        let foreign = self.pools.iter().filter(is_foreign);
        let (closed, open): (Vec<&Pool>, Vec<&Pool>) =
            foreign.partition(|it| it.pool.enforcement == Enforcement::Exclusive);
        let spans_of =
            |pools: &[&Pool]| pools.iter().flat_map(|it| it.spans.clone()).collect::<Vec<Span>>();
        let stage = |spans: Vec<Span>| Stage { pool: None, spans: of_family(spans, family) };
        [
            stage(without(&self.dynamic, &all)),
            stage(without(&self.fixed, &all)),
            stage(without(&spans_of(&open), &spans_of(&closed))),
        ]
    }
}

/// The pool that must give an address of a family: the first that binds and has any.
fn binding<'a, I: Iterator<Item = &'a Pool>>(
    matching: impl Fn() -> I,
    family: IpFamily,
) -> Result<Option<&'a Pool>, Refusal> {
    let mut of_family = matching().filter(|it| it.has(family));
    if let Some(binding) = of_family.find(|it| it.pool.binds()) {
        return Ok(Some(binding));
    }
    let none_of_family = matching().all(|it| !it.has(family));
    match matching().find(|it| it.pool.binds()) {
        Some(it) if none_of_family => {
            Err(Refusal::NoneOfFamily { pool: it.pool.name.clone(), family })
        }
        _ => Ok(None),
    }
}

/// What is left of a pool. Of two that overlap, one being exclusive, the elder has what they share.
fn judge(pool: &Arc<ClusterIpPool>, all: &[Arc<ClusterIpPool>], usable: &[Span]) -> Pool {
    let age = |it: &ClusterIpPool| (it.created, it.name.clone());
    let exclusive = |it: &ClusterIpPool| it.enforcement == Enforcement::Exclusive;
    let rivals = all.iter().filter(|other| {
        let overlap =
            pool.spans.iter().any(|a| other.spans.iter().any(|b| a.intersection(b).is_some()));
        other.name != pool.name && overlap && (exclusive(other) || exclusive(pool))
    });
    let (mut spans, mut conflicts) = (pool.spans.clone(), Vec::new());
    for rival in rivals {
        conflicts.push(rival.name.clone());
        if age(rival) < age(pool) {
            spans = without(&spans, &rival.spans);
        }
    }
    let outside = without(&pool.spans, usable);
    let spans = without(&spans, &outside);
    Pool { pool: pool.clone(), spans, reaches_outside: !outside.is_empty(), conflicts }
}

/// What is in the first spans and not in the second.
fn without(spans: &[Span], taken: &[Span]) -> Vec<Span> {
    taken.iter().fold(spans.to_vec(), |left, taken| {
        left.iter().flat_map(|span| span.minus(taken)).collect()
    })
}

fn of_family(spans: Vec<Span>, family: IpFamily) -> Vec<Span> {
    spans.into_iter().filter(|span| span.family() == family).collect()
}

impl Pool {
    /// Whether an address is one that the pool can give.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.spans.iter().any(|span| span.contains(address))
    }

    /// Whether it is a pool of the family, be it that its ranges are of no use.
    pub(super) fn has(&self, family: IpFamily) -> bool {
        self.pool.spans.iter().any(|span| span.family() == family)
    }

    fn stage(&self, family: IpFamily) -> Stage {
        let spans = of_family(self.spans.clone(), family);
        Stage { pool: Some(self.pool.name.clone()), spans }
    }
}

impl Offer {
    /// The first stage that has a free address.
    pub fn choose(&self, allocator: &Allocator) -> Option<&Stage> {
        self.stages.iter().find(|stage| allocator.free_within(&stage.spans) > 0)
    }

    /// What to say when no stage has, if a pool must give the address.
    pub fn exhausted(&self) -> Option<Refusal> {
        let size = self.stages.iter().flat_map(|stage| &stage.spans).map(Span::size).sum();
        self.bound_to.clone().map(|pool| Refusal::Exhausted { pool, size })
    }
}

impl Refusal {
    /// The reason of the closed list.
    pub fn reason(&self) -> Reason {
        match self {
            Refusal::Exhausted { .. } => Reason::PoolExhausted,
            Refusal::Disabled { .. } | Refusal::NoneOfFamily { .. } => Reason::PoolRefused,
            Refusal::NotOfPool { .. } | Refusal::OfOthers { .. } => Reason::PoolRefused,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Exhausted { pool, size } => write!(
                formatter,
                "ClusterIPPool {pool} must give the address and is exhausted (0 of {size} free); \
                 free an address or add a range"
            ),
            Refusal::Disabled { pool } => write!(
                formatter,
                "ClusterIPPool {pool} must give the address and is disabled; enable it"
            ),
            Refusal::NoneOfFamily { pool, family } => write!(
                formatter,
                "ClusterIPPool {pool} must give the address and has none of {family}; \
                 add a range of {family} or ask for the other family"
            ),
            Refusal::NotOfPool { pool, address, spans } => {
                write!(
                    formatter,
                    "{address} is not in ClusterIPPool {pool}, which must give it; "
                )?;
                formatter.write_str("ask for none, or for one of")?;
                spans.iter().take(8).try_for_each(|span| write!(formatter, " {span}"))
            }
            Refusal::OfOthers { pool, address } => write!(
                formatter,
                "{address} is in ClusterIPPool {pool}, which is for others; \
                 ask for none, or for one outside of it"
            ),
        }
    }
}
