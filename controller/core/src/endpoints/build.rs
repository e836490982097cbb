//! The addresses to publish, built anew only where what is published says something else. Of a
//! thousand addresses one differs as a rule, and each that is built costs the reference counts of
//! its texts, when it is made and when it goes.

use super::subsets::Address;
use crate::facts::{Addresses, EndpointAddress};

/// A list of addresses in their order, with those pieces of a published list in which every address
/// says just what it should.
pub fn build<A: Address>(wanted: &[&A], published: &Addresses) -> Addresses {
    let (mut built, mut rest) = (Addresses::default(), wanted);
    for piece in published.pieces() {
        let (new, after) = rest.split_at(place_of(piece, rest));
        if let Some((same, after)) = after.split_at_checked(piece.len())
            && are(same, piece)
        {
            built.extend(new.iter().map(|address| address.to_address()));
            built.push_shared(piece.clone());
            rest = after;
        }
    }
    built.extend(rest.iter().map(|address| address.to_address()));
    built
}

/// Where the first address of a piece stands in a list, if it does.
fn place_of<A: Address>(piece: &[EndpointAddress], list: &[&A]) -> usize {
    list.partition_point(|address| piece.first().is_some_and(|first| address.ip() < &*first.ip))
}

/// Whether these are just what a piece says.
fn are<A: Address>(these: &[&A], piece: &[EndpointAddress]) -> bool {
    these.iter().zip(piece).all(|(this, published)| this.is(published))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;

    fn address(number: u8, hostname: bool) -> EndpointAddress {
        EndpointAddress {
            ip: format!("10.0.0.{number:03}").into(),
            hostname: hostname.then(|| "host".into()),
            node_name: None,
            target_ref: None,
        }
    }

    fn shared(one: &Addresses, other: &Addresses) -> usize {
        let held = |piece| other.pieces().iter().any(|theirs| Arc::ptr_eq(piece, theirs));
        one.pieces().iter().filter(|piece| held(piece)).count()
    }

    #[test]
    fn only_the_piece_with_the_change_is_built() {
        let published: Addresses = (0..200).map(|number| address(number, false)).collect();
        let wanted: Vec<EndpointAddress> =
            published.iter().filter(|one| &*one.ip != "10.0.0.100").cloned().collect();
        let built = build(&wanted.iter().collect::<Vec<_>>(), &published);
        assert!(built.iter().eq(&wanted));
        assert_eq!(shared(&built, &published), published.pieces().len() - 1);
    }

    proptest! {
        #[test]
        fn what_is_built_is_what_was_wanted_whatever_is_published(
            wanted in prop::collection::btree_map(0_u8..200, any::<bool>(), 0..150),
            published in prop::collection::vec((0_u8..200, any::<bool>()), 0..150),
            sorted in any::<bool>(),
        ) {
            let wanted: Vec<EndpointAddress> =
                wanted.into_iter().map(|(number, named)| address(number, named)).collect();
            let mut published = published;
            if sorted {
                published.sort_unstable();
            }
            let published: Addresses =
                published.into_iter().map(|(number, named)| address(number, named)).collect();
            let built = build(&wanted.iter().collect::<Vec<_>>(), &published);
            prop_assert!(built.iter().eq(&wanted));
        }
    }
}
