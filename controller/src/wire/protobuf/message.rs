//! Reading a protobuf message front to back: each field as it comes, borrowed. What nobody asks for
//! is stepped over, so that the bulk of a Pod costs next to nothing.
//!
//! Kubernetes' messages use numbers in the varint form, and lengths before everything else
//! (<https://protobuf.dev/programming-guides/encoding/>).

use jiff::Timestamp;

/// Why a message cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// It ends within a field.
    #[error("the message ends within a field")]
    Cut,
    /// A number has more than 64 bits.
    #[error("a number of more than 64 bits")]
    LongNumber,
    /// A field has a wire type that Kubernetes does not use.
    #[error("a field of unknown wire type {0}")]
    WireType(u64),
    /// A field has another wire type than its declaration.
    #[error("field {0} is not of its declared type")]
    Type(u64),
    /// Text that is not UTF-8.
    #[error("field {0} is not UTF-8")]
    Text(u64),
}

/// The fields of a message that are left to read.
#[derive(Clone, Copy)]
pub struct Message<'a>(&'a [u8]);

/// A field: its number, and what it holds.
#[derive(Clone, Copy)]
pub struct Field<'a> {
    /// The number that it is declared with.
    pub number: u64,
    value: Value<'a>,
}

#[derive(Clone, Copy)]
enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    /// Kubernetes has no such numbers in what we read.
    Fixed,
}

impl<'a> Message<'a> {
    /// A message out of its bytes.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Whether it has no field.
    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// The next field, or nothing at the end.
    pub fn next(&mut self) -> Result<Option<Field<'a>>, Malformed> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let tag = self.number()?;
        let value = match tag & 7 {
            0 => Value::Number(self.number()?),
            2 => {
                let length = usize::try_from(self.number()?).map_err(|_| Malformed::Cut)?;
                Value::Bytes(self.take(length)?)
            }
            1 => self.take(8).map(|_| Value::Fixed)?,
            5 => self.take(4).map(|_| Value::Fixed)?,
            other => return Err(Malformed::WireType(other)),
        };
        Ok(Some(Field { number: tag >> 3, value }))
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(Malformed::Cut)?;
        self.0 = rest;
        Ok(taken)
    }

    fn number(&mut self) -> Result<u64, Malformed> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first().ok_or(Malformed::Cut)?;
            self.0 = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(Malformed::LongNumber)
    }
}

impl<'a> Field<'a> {
    /// What it holds, as bytes.
    pub fn bytes(self) -> Result<&'a [u8], Malformed> {
        match self.value {
            Value::Bytes(bytes) => Ok(bytes),
            _ => Err(Malformed::Type(self.number)),
        }
    }

    /// What it holds, as text.
    pub fn text(self) -> Result<&'a str, Malformed> {
        str::from_utf8(self.bytes()?).map_err(|_| Malformed::Text(self.number))
    }

    /// What it holds, as a message.
    pub fn message(self) -> Result<Message<'a>, Malformed> {
        self.bytes().map(Message::new)
    }

    /// What it holds, as a whole number.
    pub fn integer(self) -> Result<i64, Malformed> {
        match self.value {
            // Negative numbers are stretched to 64 bits.
            Value::Number(number) => Ok(number.cast_signed()),
            _ => Err(Malformed::Type(self.number)),
        }
    }

    /// What it holds, as a whole number of 32 bits; more is cut off, as every reader does.
    pub fn small_integer(self) -> Result<i32, Malformed> {
        self.integer().map(|number| number as i32)
    }

    /// What it holds, as yes or no.
    pub fn boolean(self) -> Result<bool, Malformed> {
        self.integer().map(|number| number != 0)
    }

    /// An entry of a map of texts.
    pub fn entry(self) -> Result<(&'a str, &'a str), Malformed> {
        let (key, value) = self.raw_entry()?;
        let text = |bytes| str::from_utf8(bytes).map_err(|_| Malformed::Text(self.number));
        Ok((key, text(value)?))
    }

    /// An entry of a map from texts to messages.
    pub fn entry_message(self) -> Result<(&'a str, Message<'a>), Malformed> {
        self.raw_entry().map(|(key, value)| (key, Message::new(value)))
    }

    /// A time. One that is not set has no fields.
    pub fn time(self) -> Result<Option<Timestamp>, Malformed> {
        let mut message = self.message()?;
        if message.is_empty() {
            return Ok(None);
        }
        let (mut seconds, mut nanoseconds) = (0, 0);
        while let Some(field) = message.next()? {
            match field.number {
                1 => seconds = field.integer()?,
                2 => nanoseconds = field.small_integer()?,
                _ => {}
            }
        }
        Ok(Timestamp::new(seconds, nanoseconds).ok())
    }

    fn raw_entry(self) -> Result<(&'a str, &'a [u8]), Malformed> {
        let mut message = self.message()?;
        let (mut key, mut value) = ("", &[][..]);
        while let Some(field) = message.next()? {
            match field.number {
                1 => key = field.text()?,
                2 => value = field.bytes()?,
                _ => {}
            }
        }
        Ok((key, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: &[u8]) -> Result<Vec<u64>, Malformed> {
        let mut message = Message::new(bytes);
        let mut numbers = Vec::new();
        while let Some(field) = message.next()? {
            numbers.push(field.number);
        }
        Ok(numbers)
    }

    #[test]
    fn fields_are_read_in_their_order_and_others_stepped_over() {
        // 1: 150, 2: "hi", 3: eight bytes, 20: four bytes
        let bytes = b"\x08\x96\x01\x12\x02hi\x19\0\0\0\0\0\0\0\0\xa5\x01\0\0\0\0";
        assert_eq!(all(bytes), Ok(vec![1, 2, 3, 20]));
        let mut message = Message::new(bytes);
        assert_eq!(message.next().unwrap().unwrap().integer(), Ok(150));
        assert_eq!(message.next().unwrap().unwrap().text(), Ok("hi"));
    }

    #[test]
    fn what_is_cut_or_garbled_is_an_error_and_never_a_panic() {
        let whole = b"\x08\x96\x01\x12\x02hi";
        for end in 1..whole.len() {
            let expected = if end == 3 { Ok(vec![1]) } else { Err(Malformed::Cut) };
            assert_eq!(all(&whole[..end]), expected, "cut at {end}");
        }
        assert_eq!(all(b"\x0b"), Err(Malformed::WireType(3)));
        assert_eq!(all(&[0xff; 11]), Err(Malformed::LongNumber));
        assert_eq!(all(b"\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), Err(Malformed::Cut));
        let field = Message::new(b"\x12\x01\xff").next().unwrap().unwrap();
        assert_eq!(field.text(), Err(Malformed::Text(2)));
        assert_eq!(field.integer(), Err(Malformed::Type(2)));
    }

    #[test]
    fn negative_numbers_are_stretched() {
        let bytes = b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01";
        assert_eq!(Message::new(bytes).next().unwrap().unwrap().small_integer(), Ok(-1));
    }
}
