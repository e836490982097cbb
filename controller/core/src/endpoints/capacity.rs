//! An Endpoints object holds a thousand addresses at most
//! (kubernetes/enhancements KEP-752: larger Services are for slices).

use super::subsets::{Address, Packed};

/// How many addresses one object holds.
pub const MOST_ADDRESSES: usize = 1000;

/// Whether all addresses found room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capacity {
    /// They did.
    Within,
    /// Some were left out.
    Exceeded,
}

/// Leaves out what is too much. Ready addresses come first, and every subset keeps its share of
/// the kind that is cut, rounded up, as long as there is room. A subset with nothing left goes:
/// the API refuses empty ones.
pub fn cut<A: Address>(subsets: &mut Vec<Packed<'_, A>>) -> Capacity {
    let ready: usize = subsets.iter().map(|subset| subset.addresses.len()).sum();
    let not_ready: usize = subsets.iter().map(|subset| subset.not_ready_addresses.len()).sum();
    if ready + not_ready <= MOST_ADDRESSES {
        return Capacity::Within;
    }
    if ready > MOST_ADDRESSES {
        subsets.iter_mut().for_each(|subset| subset.not_ready_addresses.clear());
        let lists = subsets.iter_mut().map(|subset| &mut subset.addresses);
        share_out(lists, ready, MOST_ADDRESSES);
    } else {
        let lists = subsets.iter_mut().map(|subset| &mut subset.not_ready_addresses);
        share_out(lists, not_ready, MOST_ADDRESSES - ready);
    }
    subsets.retain(|subset| !subset.is_empty());
    Capacity::Exceeded
}

/// The floating-point steps and their order decide how halves are rounded, so they are
/// kube-controller-manager's: part, times budget, up.
fn share_out<'a, T: 'a>(lists: impl Iterator<Item = &'a mut Vec<T>>, total: usize, budget: usize) {
    let mut left = budget;
    for list in lists {
        let share = (list.len() as f64 / total as f64 * budget as f64).ceil() as usize;
        list.truncate(share.min(left));
        left -= list.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::EndpointAddress;

    fn subset(
        address: &EndpointAddress,
        ready: usize,
        not_ready: usize,
    ) -> Packed<'_, EndpointAddress> {
        Packed {
            addresses: vec![address; ready],
            not_ready_addresses: vec![address; not_ready],
            ports: Vec::new(),
        }
    }

    fn cut_sizes(ready: &[usize], not_ready: &[usize]) -> (Capacity, Vec<(usize, usize)>) {
        let sizes = ready.iter().zip(not_ready);
        let ip = "10.0.0.1".into();
        let address = EndpointAddress { ip, hostname: None, node_name: None, target_ref: None };
        let mut subsets: Vec<Packed<'_, EndpointAddress>> =
            sizes.map(|(ready, not_ready)| subset(&address, *ready, *not_ready)).collect();
        let capacity = cut(&mut subsets);
        let size = |subset: &Packed<'_, EndpointAddress>| {
            (subset.addresses.len(), subset.not_ready_addresses.len())
        };
        (capacity, subsets.iter().map(size).collect())
    }

    #[test]
    fn a_thousand_addresses_are_not_cut() {
        assert_eq!(cut_sizes(&[600], &[400]), (Capacity::Within, vec![(600, 400)]));
    }

    #[test]
    fn what_is_not_ready_is_cut_first_and_in_proportion() {
        let (capacity, sizes) = cut_sizes(&[90, 110, 50, 10, 20], &[101, 200, 200, 201, 298]);
        assert_eq!(capacity, Capacity::Exceeded);
        assert_eq!(sizes, [(90, 73), (110, 144), (50, 144), (10, 145), (20, 214)]);
    }

    #[test]
    fn what_is_ready_is_cut_in_proportion_and_nothing_else_stays() {
        let (_, sizes) = cut_sizes(&[205, 400, 402, 400, 693], &[100, 200, 200, 200, 300]);
        assert_eq!(sizes, [(98, 0), (191, 0), (192, 0), (191, 0), (328, 0)]);
    }

    #[test]
    fn a_subset_with_nothing_left_goes() {
        assert_eq!(cut_sizes(&[1001, 0], &[0, 1]).1, [(1000, 0)]);
        assert_eq!(cut_sizes(&[1001, 1], &[0, 0]).1, [(1000, 0)]);
        assert_eq!(cut_sizes(&[1000], &[10]).1, [(1000, 0)]);
    }
}
