//! Durations as Go reads and writes them: `90s`, `1h30m`, `1.5s`, `0`.

use std::time::Duration;

/// Reads a duration. Negative ones come out as zero: for a period both mean "at once".
pub fn parse(text: &str) -> Result<Duration, String> {
    let invalid = || format!("time: invalid duration {text:?}");
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let digits = rest
            .find(|letter: char| !letter.is_ascii_digit() && letter != '.')
            .unwrap_or(rest.len());
        let (number, behind) = rest.split_at(digits);
        let number: f64 = number.parse().map_err(|_| invalid())?;
        let letters = behind
            .find(|letter: char| letter.is_ascii_digit() || letter == '.')
            .unwrap_or(behind.len());
        let (unit, behind) = behind.split_at(letters);
        seconds += number * unit_in_seconds(unit, text)?;
        rest = behind;
    }
    if negative {
        return Ok(Duration::ZERO);
    }
    Duration::try_from_secs_f64(seconds).map_err(|_| invalid())
}

fn unit_in_seconds(unit: &str, text: &str) -> Result<f64, String> {
    match unit {
        "ns" => Ok(1e-9),
        "us" | "µs" | "μs" => Ok(1e-6),
        "ms" => Ok(1e-3),
        "s" => Ok(1.0),
        "m" => Ok(60.0),
        "h" => Ok(3600.0),
        "" => Err(format!("time: missing unit in duration {text:?}")),
        other => Err(format!("time: unknown unit {other:?} in duration {text:?}")),
    }
}

/// Writes a duration.
pub fn spelt(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let fraction = duration.subsec_nanos();
    if seconds == 0 && fraction > 0 {
        return match fraction {
            ..1_000 => format!("{fraction}ns"),
            1_000..1_000_000 => format!("{}µs", f64::from(fraction) / 1e3),
            _ => format!("{}ms", f64::from(fraction) / 1e6),
        };
    }
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    let seconds = (seconds % 60) as f64 + f64::from(fraction) / 1e9;
    match (hours, minutes) {
        (0, 0) => format!("{seconds}s"),
        (0, _) => format!("{minutes}m{seconds}s"),
        _ => format!("{hours}h{minutes}m{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_spelt_as_go_spells_them() {
        for text in
            ["0s", "10s", "1.5s", "1m0s", "12h0m0s", "1h30m5.25s", "500ms", "1.5ms", "2µs", "7ns"]
        {
            assert_eq!(spelt(parse(text).unwrap()), text);
        }
    }
}
