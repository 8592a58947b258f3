//! Resource quantities: read as `resource.ParseQuantity` reads them, written in the one form in which
//! a server writes them back (`Quantity.CanonicalizeBytes` of apimachinery).

use std::fmt;

use serde_json::Value;

const NANO: i128 = 1_000_000_000;
/// The largest whole amount: 2^63 - 1. A server caps what is greater.
const LARGEST: i128 = (i64::MAX as i128) * NANO;

/// How a quantity was spelled, which decides how it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Binary,
    Decimal,
    Exponent,
}

/// An amount of a resource, in billionths.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Quantity {
    nanos: i128,
    format: Format,
}

impl Quantity {
    /// The quantity a JSON string or number spells; `None` if it spells none.
    pub(crate) fn of(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => Self::parse(text),
            Value::Number(number) => Self::parse(&number.to_string()),
            _ => None,
        }
    }

    /// Reads `1`, `1.5Gi`, `100m`, `1e3`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (negative, rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let digits_end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, suffix) = rest.split_at_checked(digits_end)?;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() && fraction.is_empty() || fraction.contains('.') {
            return None;
        }
        let (base, power, format) = interpret(suffix)?;
        let magnitude = scaled(whole, fraction, base, power).unwrap_or(LARGEST).min(LARGEST);
        // A server shows a binary amount below one in decimal.
        let format = if format == Format::Binary && magnitude > 0 && magnitude < NANO {
            Format::Decimal
        } else {
            format
        };
        Some(Self { nanos: if negative { -magnitude } else { magnitude }, format })
    }

    /// Rounded up, away from zero, to a thousandth.
    pub(crate) fn rounded_to_milli(self) -> Self {
        const MILLI: i128 = NANO / 1000;
        let remainder = self.nanos % MILLI;
        if remainder == 0 {
            return self;
        }
        let truncated = self.nanos - remainder;
        Self { nanos: truncated + MILLI * remainder.signum(), ..self }
    }

    /// The same amount in the one spelling that all spellings of it share.
    pub(crate) const fn in_decimal(self) -> Self {
        Self { nanos: self.nanos, format: Format::Decimal }
    }

    /// The amount in billionths: what is compared.
    pub(crate) const fn nanos(self) -> i128 {
        self.nanos
    }
}

/// The base and power a suffix stands for.
fn interpret(suffix: &str) -> Option<(i128, i32, Format)> {
    let binary = |power| Some((2, power, Format::Binary));
    let decimal = |power| Some((10, power, Format::Decimal));
    match suffix {
        "Ki" => binary(10),
        "Mi" => binary(20),
        "Gi" => binary(30),
        "Ti" => binary(40),
        "Pi" => binary(50),
        "Ei" => binary(60),
        "n" => decimal(-9),
        "u" => decimal(-6),
        "m" => decimal(-3),
        "" => decimal(0),
        "k" => decimal(3),
        "M" => decimal(6),
        "G" => decimal(9),
        "T" => decimal(12),
        "P" => decimal(15),
        "E" => decimal(18),
        _ => {
            let exponent = suffix.strip_prefix(['e', 'E'])?;
            let exponent: i32 = exponent.strip_prefix('+').unwrap_or(exponent).parse().ok()?;
            Some((10, exponent, Format::Exponent))
        }
    }
}

/// The amount in billionths, rounded up; `None` where it does not fit.
fn scaled(whole: &str, fraction: &str, base: i128, power: i32) -> Option<i128> {
    let digits = format!("{whole}{fraction}");
    let digits = digits.trim_start_matches('0');
    if digits.is_empty() {
        return Some(0);
    }
    let fraction_digits = i32::try_from(fraction.len()).ok()?;
    let binary_factor =
        if base == 2 { 2_i128.checked_pow(u32::try_from(power).ok()?)? } else { 1 };
    // value = digits * factor * 10^exponent, in billionths.
    let decimal_power = if base == 10 { power } else { 0 };
    let exponent = decimal_power.saturating_add(9 - fraction_digits);
    // What lies far below a billionth only matters by not being zero.
    let length = i32::try_from(digits.len()).ok()?;
    if length.saturating_add(exponent) < -20 {
        return Some(1);
    }
    let kept = digits.get(..digits.len().min(36))?;
    let cut = i32::try_from(digits.len() - kept.len()).ok()?;
    let mantissa = kept.parse::<i128>().ok()?.checked_mul(binary_factor)?;
    let exponent = exponent.checked_add(cut)?;
    let ten_to = |power: i32| 10_i128.checked_pow(power.unsigned_abs());
    if exponent >= 0 {
        return mantissa.checked_mul(ten_to(exponent)?);
    }
    match ten_to(exponent) {
        Some(divisor) => {
            let rounded_up = mantissa % divisor != 0;
            Some(mantissa / divisor + i128::from(rounded_up))
        }
        None => Some(1),
    }
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.nanos == other.nanos
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.nanos == 0 {
            return f.write_str("0");
        }
        let whole = self.nanos % NANO == 0;
        let small = self.nanos.abs() < 1024 * NANO;
        if self.format == Format::Binary && whole && !small {
            let mut number = self.nanos / NANO;
            let mut suffixes = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"].iter();
            let mut suffix = suffixes.next();
            while number % 1024 == 0 {
                number /= 1024;
                suffix = suffixes.next();
            }
            return write!(f, "{number}{}", suffix.unwrap_or(&""));
        }
        let mut number = self.nanos;
        let mut exponent = -9;
        while number % 1000 == 0 {
            number /= 1000;
            exponent += 3;
        }
        write!(f, "{number}")?;
        match (self.format, exponent) {
            (_, 0) => Ok(()),
            (Format::Exponent, _) => write!(f, "e{exponent}"),
            (_, -9) => f.write_str("n"),
            (_, -6) => f.write_str("u"),
            (_, -3) => f.write_str("m"),
            (_, 3) => f.write_str("k"),
            (_, 6) => f.write_str("M"),
            (_, 9) => f.write_str("G"),
            (_, 12) => f.write_str("T"),
            (_, 15) => f.write_str("P"),
            _ => f.write_str("E"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantity_is_written_as_a_server_writes_it() {
        for (spelled, written) in [
            ("1", "1"),
            ("1000m", "1"),
            ("1500m", "1500m"),
            ("0.5", "500m"),
            ("1.5", "1500m"),
            ("100", "100"),
            ("1000", "1k"),
            ("1024Mi", "1Gi"),
            ("1Gi", "1Gi"),
            ("1.5Gi", "1536Mi"),
            ("0.5Gi", "512Mi"),
            ("1023Ki", "1023Ki"),
            ("0.5Ki", "512"),
            ("1Ki", "1Ki"),
            ("134217728", "134217728"),
            ("128974848", "128974848"),
            ("1e3", "1e3"),
            ("12e6", "12e6"),
            ("1E3", "1e3"),
            ("1E", "1E"),
            ("0", "0"),
            ("0Gi", "0"),
            (" 2 ", "2"),
            ("+2", "2"),
            ("-2k", "-2k"),
            ("1n", "1n"),
            ("0.1n", "1n"),
            ("100000000000000000000", "9223372036854775807"),
            (".5", "500m"),
            ("5.", "5"),
            ("0.001Ki", "1024m"),
        ] {
            let quantity = Quantity::parse(spelled).unwrap_or_else(|| panic!("{spelled}"));
            assert_eq!(quantity.to_string(), written, "{spelled}");
            assert_eq!(Quantity::parse(written), Some(quantity), "{written}");
        }
    }

    #[test]
    fn what_is_no_quantity_is_none() {
        for text in ["", "one", "1.2.3", "1Kib", "Gi", "1 Gi", "0x1", "1e", "--1", "."] {
            assert_eq!(Quantity::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_resource_list_rounds_up_to_a_thousandth() {
        for (spelled, written) in [("1u", "1m"), ("1500u", "2m"), ("1m", "1m"), ("-1u", "-1m")] {
            let quantity = Quantity::parse(spelled).unwrap().rounded_to_milli();
            assert_eq!(quantity.to_string(), written, "{spelled}");
        }
    }

    #[test]
    fn absurd_spellings_do_not_overflow() {
        for text in [
            "9".repeat(500),
            format!("1{}", "0".repeat(300)),
            "1e2147483647".to_owned(),
            "1e-2147483648".to_owned(),
            format!("0.{}1", "0".repeat(400)),
            "9Ei".to_owned(),
        ] {
            let _ = Quantity::parse(&text).map(|quantity| quantity.to_string());
        }
    }
}
