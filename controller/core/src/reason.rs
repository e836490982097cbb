//! The closed list of reasons. Every entry of a plan carries exactly one: why a Pod is in or out,
//! why a slice is kept or written, why a Service looks as it does. Nothing ever parses a message.
//!
//! Names are never renamed or reused: metrics, events and scripts hold on to them.

use std::fmt;

/// How bad a reason is. It belongs to the reason, never to the case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// As asked.
    Ok,
    /// An absence that is intended or short.
    Info,
    /// Works in part, or soon will not.
    Warning,
    /// Traffic cannot work as asked; somebody must act.
    Error,
}

/// Who can know that a reason holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KnownBy {
    /// Only the running manager: from its memory, queue or clock.
    Manager,
    /// Also a reader that runs the same decisions over fresh lists.
    Reader,
    /// Only a live read at the time of asking.
    LiveRead,
}

/// What a reason speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A Pod, seen from a Service.
    Pod,
    /// A Service as a whole.
    Service,
    /// A slice, an Endpoints object, or hints.
    Object,
    /// A ClusterIP, its claim, range or pool.
    Address,
    /// The manager and its view of the cluster.
    Controller,
}

macro_rules! reasons {
    ($($subject:ident { $($name:ident $severity:ident $known_by:ident $stage:literal $doc:literal)* })*) => {
        /// One reason out of the closed list.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason { $($(#[doc = $doc] $name,)*)* }

        impl Reason {
            /// Every reason there is.
            pub const ALL: &'static [Reason] = &[$($(Reason::$name,)*)*];

            /// The name under which users meet the reason.
            pub fn name(self) -> &'static str {
                match self { $($(Reason::$name => stringify!($name),)*)* }
            }

            /// How bad it is.
            pub fn severity(self) -> Severity {
                match self { $($(Reason::$name => Severity::$severity,)*)* }
            }

            /// Who can know it.
            pub fn known_by(self) -> KnownBy {
                match self { $($(Reason::$name => KnownBy::$known_by,)*)* }
            }

            /// What it speaks of.
            pub fn subject(self) -> Subject {
                match self { $($(Reason::$name => Subject::$subject,)*)* }
            }

            /// How far from the source of the data it stands: 0 can we know, 1 does the Service
            /// ask, 2 are Pods wanted, 3 selected, 4 Pods, 5 ports, 6 families and addresses,
            /// 7 written, 8 too much or foreign, 9 waiting. Of two equally bad reasons the nearer
            /// to the source comes first, since it empties all that follows.
            pub fn stage(self) -> u8 {
                match self { $($(Reason::$name => $stage,)*)* }
            }
        }
    };
}

reasons! {
    Pod {
        NotSelected Info Reader 3 "The selector does not match."
        NearMiss Warning Reader 3 "The selector almost matches."
        PodFailed Warning Reader 4 "Phase Failed."
        PodSucceeded Info Reader 4 "Phase Succeeded."
        NoPodIP Warning Reader 4 "No address yet."
        FamilyMissing Warning Reader 6 "No address of the family the Service asks for."
        AddressInvalid Error Reader 4 "An address that no slice or Endpoints may hold."
        NodeUnknown Error Reader 4 "The Node that the Pod names does not exist."
        NoPortResolved Error Reader 5 "None of the named target ports exists on the Pod."
        PortMissing Warning Reader 5 "Some of the named target ports do not exist on the Pod."
        OverCapacity Warning Reader 8 "Cut off by the limit of Endpoints or of mirroring."
        AddressShared Warning Reader 8 "Another live Pod of the Service has the same address and ports."
        ServingTerminating Info Reader 4 "Being deleted, and still serving."
        Terminating Info Reader 4 "Being deleted, and not serving."
        NotReady Warning Reader 4 "The condition Ready is not True."
        PublishedNotReady Info Reader 4 "Not ready, published because the Service says so."
        ReadyNodeNotReady Warning Reader 4 "Published as ready, while its Node is not."
        Ready Ok Reader 4 "Published as ready."
        PodGone Info Manager 4 "Was an endpoint, and is deleted."
        NotObserved Info LiveRead 0 "Exists, and has not reached the manager's cache yet."
    }
    Service {
        ServiceNotFound Error Reader 1 "No such Service."
        ExternalName Info Reader 1 "An alias; it has no endpoints by design."
        SelectorAbsent Info Reader 1 "No selector: somebody else publishes its endpoints."
        SelectorAbsentEmpty Error Reader 1 "No selector, and nobody publishes endpoints."
        NamespaceTerminating Info Manager 1 "Its namespace is being deleted."
        ServiceDeleting Info Reader 1 "The Service is being deleted."
        ScaledToZero Info LiveRead 2 "Every matching workload wants no Pods."
        PodsNotCreated Error LiveRead 2 "A matching workload wants Pods, and none exist."
        NoPodsMatch Error Reader 3 "The selector matches no Pod at all."
        AllPodsTerminal Error Reader 4 "All selected Pods have ended."
        TerminatingOnly Warning Reader 4 "All live selected Pods are being deleted."
        NoUsableAddress Error Reader 4 "No selected Pod has an address that can be published."
        NoneReady Error Reader 4 "Selected Pods exist, and none is ready."
        Flapping Warning Manager 4 "A Pod keeps changing its readiness."
        Degraded Warning Reader 4 "Some Pods are out that should be in."
        RollingOut Info Reader 4 "Some Pods are new and still starting."
        NotReadyPublished Info Reader 4 "None is ready, and all are published as asked."
        NoPortsResolved Error Reader 5 "No Pod has the named target ports."
        PortsPartlyResolved Warning Reader 5 "A target port exists on some of the Pods only."
        TargetPortUndeclared Info Reader 5 "No Pod declares the numeric target port."
        PortsMixed Info Reader 5 "A named port has different numbers on different Pods."
        NoPodOfFamily Error Reader 6 "No live Pod has an address of the families asked for."
        FamilyEmpty Warning Reader 6 "One of two families has no endpoints."
        WriteForbidden Error Manager 7 "The manager lacks the right to write."
        WriteDenied Error Manager 7 "Quota, policy or a webhook denies the write."
        WriteInvalid Error Manager 7 "The API server refuses the object."
        WriteFailing Error Manager 7 "Writes keep failing."
        WriteConflict Warning Manager 7 "Another writer keeps changing the object."
        MixedWorkloads Warning Reader 8 "The selector matches Pods of several workloads."
        SharedPods Info Reader 8 "Other Services select the same Pods."
        PeersHidden Info Reader 8 "DNS shows no peer before it is ready."
        LocalTrafficOnly Info Reader 8 "Traffic stays on Nodes that have an endpoint."
        BackOff Info Manager 9 "Waiting after a failure."
        WaitingOwnWrite Info Manager 9 "A write of our own has not come back by the watch."
        Batching Info Manager 9 "Waiting for the batch period."
        Queued Info Manager 9 "Waiting for a worker."
        HeadlessNoPorts Info Reader 9 "Headless without ports: addresses only."
        Healthy Ok Reader 9 "Nothing to complain of."
    }
    Object {
        InSync Ok Reader 7 "As planned."
        Behind Info Reader 7 "Differs from the plan; the write waits."
        Placeholder Info Reader 7 "Empty on purpose: nothing to publish."
        Foreign Info Reader 8 "Another writer's; never touched."
        ForeignStale Error LiveRead 8 "Another writer's, with addresses that no Pod has."
        LeftOver Warning Reader 8 "Ours, from an earlier selector or type."
        OwnerGone Warning Reader 8 "Belongs to a deleted Service of the same name."
        ServiceNameMissing Warning LiveRead 8 "Names no Service, so nobody reads it."
        HeldDeleting Warning Reader 8 "Deleted, and held by a finalizer."
        EditedByOther Warning Reader 8 "Changed by somebody after our write."
        DuplicateEndpoint Warning Reader 8 "An address and port stand in two slices."
        NoPorts Warning Reader 5 "Endpoints without ports."
        HeadlessLabelStale Error Reader 8 "Its headless label contradicts the Service."
        Truncated Warning Reader 8 "More endpoints than Endpoints may hold."
        MirroredFrom Ok Reader 7 "A mirror of hand-made Endpoints."
        SkipMirror Warning Reader 8 "A label forbids mirroring, and nothing else publishes."
        MirrorTruncated Warning Reader 8 "More addresses than are mirrored."
        MirrorInvalidIP Warning Reader 8 "Hand-made Endpoints hold what is no address."
        MirrorRefused Error Reader 8 "Hand-made Endpoints have clashing port names."
        EndpointsOrphaned Warning Reader 8 "Endpoints without a Service."
        HintsOn Ok Reader 9 "Hints are written."
        HintsNotAsked Info Reader 9 "No hints are asked for."
        HintsNodeInfo Warning Reader 9 "No hints: a Node has no zone or CPU."
        HintsOneZone Warning Reader 9 "No hints: ready Nodes in one zone only."
        HintsTooFew Warning Reader 9 "No hints: too few endpoints."
        HintsOverload Warning Reader 9 "No hints: the endpoints do not fit the zones."
        HintsNoZone Warning Reader 9 "No hints: an endpoint has no zone."
        HintsOverridden Info Reader 9 "An annotation wins over trafficDistribution."
        HintsValueIgnored Warning Reader 9 "The annotation's value means off."
    }
    Address {
        AssignedByServer Ok Reader 6 "Given by the API server."
        AssignedByPool Ok Reader 6 "Given out of a pool."
        AssignedByUser Ok LiveRead 6 "Asked for in the manifest."
        NoAddressByDesign Ok Reader 6 "No ClusterIP by design."
        WaitingForAllocator Info Reader 6 "No address yet."
        ClaimedNotWritten Info Manager 6 "Claimed, and not written to the Service yet."
        Unclaimed Warning Reader 6 "In use without a claim."
        ClaimedByOther Error Reader 6 "Two Services list the address."
        ClaimWrongReference Warning Reader 6 "The claim names a Service that does not list it."
        ClaimForeign Warning Reader 6 "In use, and claimed by somebody else."
        ClaimMislabelled Warning Reader 6 "The claim's labels are wrong."
        ClaimLeaked Warning Reader 6 "Held for a Service that is gone."
        ClaimDeleting Warning Reader 6 "Held by a finalizer."
        Reserved Info Reader 6 "Reserved by another manager, unused."
        OutOfRange Warning Reader 6 "In no ServiceCIDR."
        RangeClosing Warning Reader 6 "Only in a ServiceCIDR that is not ready."
        RangeExhausted Error Reader 6 "The family has no free address."
        PoolExhausted Error Reader 6 "The pool has no free address."
        PoolMismatch Warning Reader 6 "Outside the pool it must use."
        PoolRefused Error Manager 6 "Refused by the pool's policy."
        PoolConflict Warning Reader 6 "Pools overlap or tie."
        PoolBypassed Warning Reader 6 "A pool exists, and the server chose."
        StaticTaken Error Manager 6 "The address asked for is held."
        FamilyNotServed Error Reader 6 "The cluster lacks the family."
        SecondFamilyMissing Warning Reader 6 "One of two addresses is missing."
        ClusterIPInvalid Error Reader 6 "The address contradicts or does not parse."
        AllocationDenied Error Manager 6 "The claim was refused."
        RangeUnusable Warning Reader 6 "The range cannot be given out."
        RangeUnattended Info Reader 6 "No controller looks after the range."
    }
    Controller {
        Leading Ok Manager 0 "Leads, and is up to date."
        Standby Info Manager 0 "Another replica leads."
        NoLeader Error Reader 0 "Nobody leads."
        ControllerDisabled Error Reader 0 "The controller is switched off, and nobody else writes."
        ControllerNotStarted Error Manager 0 "The controller did not start."
        CachesNotSynced Warning Manager 0 "A first list is not complete."
        WatchStale Error Manager 0 "A watch has been silent for too long."
        WatchForbidden Error Manager 0 "The manager may not watch a kind."
        Backlog Warning Manager 9 "Keys wait for too long."
        CachesBehind Info LiveRead 0 "The caches are behind a live read."
        OtherWriter Error Reader 0 "Another program writes in our name."
        OneShot Info LiveRead 0 "Answered without a manager."
    }
}

impl Reason {
    /// The name in snake_case, as metrics label it: `NoPodIP` is `no_pod_ip`.
    pub fn label(self) -> String {
        let mut label = String::new();
        let mut letters = self.name().chars().peekable();
        let mut previous: Option<char> = None;
        while let Some(letter) = letters.next() {
            let starts_word = previous.is_some_and(|before| {
                letter.is_uppercase()
                    && (before.is_lowercase()
                        || letters.peek().is_some_and(|after| after.is_lowercase()))
            });
            if starts_word {
                label.push('_');
            }
            label.extend(letter.to_lowercase());
            previous = Some(letter);
        }
        label
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn labels_are_the_names_in_snake_case() {
        assert_eq!(Reason::NoPodIP.label(), "no_pod_ip");
        assert_eq!(Reason::ClusterIPInvalid.label(), "cluster_ip_invalid");
        assert_eq!(Reason::MirrorInvalidIP.label(), "mirror_invalid_ip");
        assert_eq!(Reason::Ready.label(), "ready");
    }

    #[test]
    fn names_and_labels_are_unique_short_and_told_apart() {
        let labels: BTreeSet<String> = Reason::ALL.iter().map(|reason| reason.label()).collect();
        assert_eq!(labels.len(), Reason::ALL.len());
        for reason in Reason::ALL {
            assert!(reason.name().len() <= 28, "{reason}");
        }
    }
}
