//! Texts that say more than text: times, bytes, amounts.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use serde_json::Value;

use super::Text;

/// A text as it is stored: times are told in UTC. An empty time is none.
///
/// # Errors
/// Why it is no such text.
pub fn text(text: Text, value: String) -> Result<Option<Value>, String> {
    match text {
        Text::Plain => Ok(Some(Value::String(value))),
        Text::Bytes => match BASE64_STANDARD.decode(&value) {
            Ok(_) => Ok(Some(Value::String(value))),
            Err(error) => Err(illegal_bytes(&error)),
        },
        Text::Time => time(&value, "2006-01-02T15:04:05Z07:00", "%Y-%m-%dT%H:%M:%SZ", |_| true),
        Text::MicroTime => {
            let format = "2006-01-02T15:04:05.000000Z07:00";
            time(&value, format, "%Y-%m-%dT%H:%M:%S%.6fZ", |fraction| fraction == 6)
        }
    }
}

/// An amount.
///
/// # Errors
/// Why it is none.
pub fn quantity(value: String) -> Result<Option<Value>, String> {
    let unsigned = value.strip_prefix(['+', '-']).unwrap_or(&value);
    let suffix =
        unsigned.trim_start_matches(|letter: char| letter.is_ascii_digit() || letter == '.');
    let number = unsigned.strip_suffix(suffix).unwrap_or(unsigned);
    let exponent = suffix.trim_start_matches(|letter| "eEinumkKMGTP".contains(letter));
    let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    let digits = |text: &str| text.chars().all(|letter| letter.is_ascii_digit());
    if number.contains(|letter: char| letter.is_ascii_digit()) && digits(exponent) {
        return Ok(Some(Value::String(value)));
    }
    Err("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'".to_owned())
}

/// A point in time. `fraction` says how many digits of a second there may be.
fn time(
    value: &str,
    go_format: &str,
    format: &str,
    fraction: impl Fn(usize) -> bool,
) -> Result<Option<Value>, String> {
    if value.is_empty() {
        return Ok(None);
    }
    let digits = value
        .split_once('.')
        .map_or(0, |(_, rest)| rest.chars().take_while(char::is_ascii_digit).count());
    match value.parse::<Timestamp>() {
        Ok(time) if fraction(digits) => Ok(Some(Value::String(time.strftime(format).to_string()))),
        _ => Err(unparsable(value, go_format)),
    }
}

/// How far Go's parser comes, and what it looks for there.
fn unparsable(value: &str, format: &str) -> String {
    let seconds = "2006-01-02T15:04:05".len();
    let (rest, wanted) = match value.get(seconds..) {
        Some(rest) if value.parse::<Timestamp>().is_ok() => match rest.get(7..) {
            Some(rest) if rest.starts_with(|letter: char| letter.is_ascii_digit()) => {
                (rest, "Z07:00")
            }
            _ => (rest, ".000000"),
        },
        _ => (value, "2006"),
    };
    format!("parsing time \"{value}\" as \"{format}\": cannot parse \"{rest}\" as \"{wanted}\"")
}

fn illegal_bytes(error: &base64::DecodeError) -> String {
    let place = match error {
        base64::DecodeError::InvalidByte(place, _)
        | base64::DecodeError::InvalidLastSymbol { offset: place, .. } => *place,
        // Go looks at four letters at a time.
        base64::DecodeError::InvalidLength(length) => length / 4 * 4,
        _ => 0,
    };
    format!("illegal base64 data at input byte {place}")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)] // a test fails by panicking
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_of_leases_have_six_digits() {
        let read = |value: &str| text(Text::MicroTime, value.to_owned());
        let stored = json!("2026-11-22T15:00:00.000000Z");
        assert_eq!(read("2026-11-22T16:00:00.000000+01:00"), Ok(Some(stored)));
        let format = "2006-01-02T15:04:05.000000Z07:00";
        for (value, rest, wanted) in [
            ("2026-11-22T16:00:00Z", "Z", ".000000"),
            ("2026-11-22T16:00:00.5Z", ".5Z", ".000000"),
            ("2026-11-22T16:00:00.123456789Z", "789Z", "Z07:00"),
            ("x", "x", "2006"),
        ] {
            let why = format!(
                "parsing time \"{value}\" as \"{format}\": cannot parse \"{rest}\" as \"{wanted}\""
            );
            assert_eq!(read(value), Err(why));
        }
    }

    #[test]
    fn bytes_and_amounts_are_checked() {
        let bytes = |value: &str| text(Text::Bytes, value.to_owned());
        assert_eq!(bytes("YQ=="), Ok(Some(json!("YQ=="))));
        for (value, place) in [("%%%", 0), ("YQ", 0), ("YWI", 0)] {
            assert_eq!(bytes(value), Err(format!("illegal base64 data at input byte {place}")));
        }
        for good in ["1", "500m", "1.5Gi", "1e3", "-2"] {
            assert!(quantity(good.to_owned()).is_ok(), "{good}");
        }
        for bad in ["", "m", "1 Gi", "."] {
            assert!(quantity(bad.to_owned()).is_err(), "{bad}");
        }
    }
}
