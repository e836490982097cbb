//! Quantities as the API writes them: `4`, `3920m`, `1.5`, `2Ki`, `1e3`.

/// What a suffix multiplies by: a power of ten, or of two.
const SUFFIXES: [(&str, i32, u32); 16] = [
    ("n", -9, 0),
    ("u", -6, 0),
    ("m", -3, 0),
    ("", 0, 0),
    ("k", 3, 0),
    ("M", 6, 0),
    ("G", 9, 0),
    ("T", 12, 0),
    ("P", 15, 0),
    ("E", 18, 0),
    ("Ki", 0, 10),
    ("Mi", 0, 20),
    ("Gi", 0, 30),
    ("Ti", 0, 40),
    ("Pi", 0, 50),
    ("Ei", 0, 60),
];

/// A quantity in thousandths, rounded up. Nothing if the text is no quantity, is negative, or is
/// larger than anything a machine has.
pub fn thousandths(text: &str) -> Option<u64> {
    let end = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.');
    let (number, suffix) = text.split_at(end.unwrap_or(text.len()));
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits: u128 = format!("{whole}{fraction}").parse().ok()?;
    let (ten, two) = multiplier(suffix)?;
    let ten = ten.checked_add(3)?.checked_sub(i32::try_from(fraction.len()).ok()?)?;
    let power = 10_u128.checked_pow(ten.unsigned_abs())?;
    let scaled = digits.checked_mul(1_u128 << two)?;
    let thousandths = if ten < 0 { scaled.div_ceil(power) } else { scaled.checked_mul(power)? };
    u64::try_from(thousandths).ok()
}

fn multiplier(suffix: &str) -> Option<(i32, u32)> {
    if let Some((_, ten, two)) = SUFFIXES.iter().find(|(known, _, _)| *known == suffix) {
        return Some((*ten, *two));
    }
    let exponent = suffix.strip_prefix(['e', 'E'])?;
    Some((exponent.parse().ok()?, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read_in_thousandths() {
        let cases = [
            ("4", 4_000),
            ("3920m", 3_920),
            ("0.5", 500),
            ("1.0005", 1_001),
            ("100u", 1),
            ("0", 0),
            ("2k", 2_000_000),
            ("1Ki", 1_024_000),
            ("1e3", 1_000_000),
            ("5E-1", 500),
        ];
        for (text, wanted) in cases {
            assert_eq!(thousandths(text), Some(wanted), "{text}");
        }
        for text in ["1E", "", ".", "-4", "4 cores", "1e", "m", "1e99"] {
            assert_eq!(thousandths(text), None, "{text}");
        }
    }
}
