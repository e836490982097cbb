//! Addresses of a subset in their order, shared piece by piece: copying a list costs a pointer for
//! each piece, and a list in which one address differs from another's can share all other pieces.

use std::sync::Arc;

use super::EndpointAddress;

/// A list as long as this becomes one piece.
const PIECE: usize = 32;

/// `addresses` or `notReadyAddresses` of a subset.
#[derive(Clone, Debug, Default)]
pub struct Addresses {
    /// None is empty.
    pieces: Vec<Arc<[EndpointAddress]>>,
}

impl Addresses {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.pieces.iter().map(|piece| piece.len()).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// All of them, in their order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &EndpointAddress> {
        self.pieces.iter().flat_map(|piece| piece.iter())
    }

    /// All of them, to be changed: no piece is shared any more.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut EndpointAddress> {
        self.pieces.iter_mut().flat_map(Arc::make_mut)
    }

    /// The pieces that the list consists of.
    pub fn pieces(&self) -> &[Arc<[EndpointAddress]>] {
        &self.pieces
    }

    /// Puts a piece of another list at the end.
    pub fn push_shared(&mut self, piece: Arc<[EndpointAddress]>) {
        if !piece.is_empty() {
            self.pieces.push(piece);
        }
    }
}

impl Extend<EndpointAddress> for Addresses {
    fn extend<I: IntoIterator<Item = EndpointAddress>>(&mut self, addresses: I) {
        // Once it is known how many there are, a piece is made in its place.
        let mut addresses = Vec::from_iter(addresses).into_iter();
        while addresses.len() > 0 {
            self.pieces.push(addresses.by_ref().take(PIECE).collect());
        }
    }
}

impl FromIterator<EndpointAddress> for Addresses {
    fn from_iter<I: IntoIterator<Item = EndpointAddress>>(addresses: I) -> Self {
        let mut list = Self::default();
        list.extend(addresses);
        list
    }
}

/// How a list is divided is nobody's business.
impl PartialEq for Addresses {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Addresses {}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(numbers: impl Iterator<Item = usize>) -> Addresses {
        let address = |number| EndpointAddress {
            ip: format!("10.0.0.{number}").into(),
            hostname: None,
            node_name: None,
            target_ref: None,
        };
        numbers.map(address).collect()
    }

    #[test]
    fn a_list_is_divided_into_pieces_of_which_none_is_empty() {
        for size in [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE] {
            let list = addresses(0..size);
            assert_eq!((list.len(), list.is_empty()), (size, size == 0));
            assert_eq!(list.pieces().len(), size.div_ceil(PIECE));
            assert_eq!(list.iter().count(), size);
        }
    }

    #[test]
    fn lists_are_equal_however_they_are_divided() {
        let mut divided = addresses(0..5);
        divided.extend(addresses(5..PIECE + 3).iter().cloned());
        assert_eq!(divided, addresses(0..PIECE + 3));
        assert_ne!(divided, addresses(0..PIECE + 2));
    }

    #[test]
    fn a_change_of_a_copy_leaves_the_other_as_it_was() {
        let list = addresses(0..PIECE + 1);
        let mut copy = list.clone();
        copy.iter_mut().for_each(|address| address.hostname = Some("changed".into()));
        assert_eq!(list, addresses(0..PIECE + 1));
        assert!(copy.iter().all(|address| address.hostname.is_some()));
    }
}
