//! Writing a protobuf message.

/// A message that is being written.
#[derive(Default)]
pub struct Writer(Vec<u8>);

/// The wire type of numbers.
const VARINT: u64 = 0;
/// The wire type of what has a length: texts and messages.
const LENGTH: u64 = 2;

impl Writer {
    /// A message behind some bytes.
    pub fn after(prefix: &[u8]) -> Self {
        Self(prefix.to_vec())
    }

    /// A text.
    pub fn text(&mut self, number: u64, text: &str) {
        self.bytes(number, text.as_bytes());
    }

    /// Bytes: a text, or a message that is written already.
    pub fn bytes(&mut self, number: u64, bytes: &[u8]) {
        self.varint(number << 3 | LENGTH);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    /// A number that may be absent.
    pub fn optional_integer(&mut self, number: u64, value: Option<i32>) {
        if let Some(value) = value {
            self.varint(number << 3 | VARINT);
            self.varint(i64::from(value).cast_unsigned());
        }
    }

    /// A yes or no that may be absent.
    pub fn optional_boolean(&mut self, number: u64, value: Option<bool>) {
        self.optional_integer(number, value.map(i32::from));
    }

    /// A message within this one.
    pub fn message(&mut self, number: u64, write: impl FnOnce(&mut Self)) {
        self.varint(number << 3 | LENGTH);
        let start = self.0.len();
        write(self);
        let length = self.0.len() - start;
        let end = self.0.len();
        self.varint(length as u64);
        // The length goes in front of what it counts.
        let digits = self.0.len() - end;
        if let Some(written) = self.0.get_mut(start..) {
            written.rotate_right(digits);
        }
    }

    /// What has been written.
    pub fn finish(self) -> Vec<u8> {
        self.0
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::protobuf::message::Message;

    #[test]
    fn what_is_written_is_read_back() {
        let mut writer = Writer::default();
        let long = "x".repeat(300);
        writer.message(15, |inner| {
            inner.text(1, &long);
            inner.message(2, |deeper| deeper.optional_integer(3, Some(-2)));
            inner.optional_boolean(4, Some(true));
            inner.optional_boolean(5, None);
        });
        let bytes = writer.finish();
        let mut message = Message::new(&bytes);
        let outer = message.next().unwrap().unwrap();
        assert_eq!(outer.number, 15);
        let mut inner = outer.message().unwrap();
        assert_eq!(inner.next().unwrap().unwrap().text(), Ok(&*long));
        let mut deeper = inner.next().unwrap().unwrap().message().unwrap();
        assert_eq!(deeper.next().unwrap().unwrap().small_integer(), Ok(-2));
        assert_eq!(inner.next().unwrap().unwrap().boolean(), Ok(true));
        assert!(inner.next().unwrap().is_none() && message.next().unwrap().is_none());
    }
}
