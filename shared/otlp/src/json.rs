//! What serde must be told about proto3's JSON: numbers that may be strings, bytes as hexadecimal or base64.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Whether a field has its default value, which proto3's JSON leaves out.
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// A number (or an optional or repeated one) whose JSON may be a string: 64-bit integers, and doubles because of
/// `"NaN"` and the infinities.
pub(crate) trait Number: Sized {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error>;
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error>;
}

/// For `#[serde(with = "json::number")]`.
pub(crate) mod number {
    use super::{Deserializer, Number, Serializer};

    pub(crate) fn serialize<T: Number, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
        value.write(serializer)
    }

    pub(crate) fn deserialize<'de, T: Number, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
        T::read(deserializer)
    }
}

/// A [`Number`] as an element of a list, an option or a helper struct.
#[derive(Clone, Copy)]
pub(crate) struct Element<T>(pub(crate) T);

impl<T: Number> Serialize for Element<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.write(serializer)
    }
}

impl<'de, T: Number> Deserialize<'de> for Element<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::read(deserializer).map(Self)
    }
}

impl<T: Number + Copy> Number for Option<T> {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.map(Element).serialize(serializer)
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::<Element<T>>::deserialize(deserializer)?.map(|element| element.0))
    }
}

impl<T: Number + Copy> Number for Vec<T> {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().copied().map(Element))
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let elements = Vec::<Element<T>>::deserialize(deserializer)?;
        Ok(elements.into_iter().map(|element| element.0).collect())
    }
}

/// Reads a number from each shape that JSON may give it.
struct Shapes<T>(PhantomData<T>);

/// The conversions that [`Shapes`] needs; `None` where the value does not fit.
trait FromJson: Sized {
    const EXPECTED: &'static str;
    fn from_integer(value: i128) -> Option<Self>;
    fn from_double(value: f64) -> Option<Self>;
    fn from_text(value: &str) -> Option<Self>;
}

impl<T: FromJson> Visitor<'_> for Shapes<T> {
    type Value = T;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(T::EXPECTED)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<T, E> {
        T::from_integer(value.into()).ok_or_else(|| E::custom(T::EXPECTED))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<T, E> {
        T::from_integer(value.into()).ok_or_else(|| E::custom(T::EXPECTED))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<T, E> {
        T::from_double(value).ok_or_else(|| E::custom(T::EXPECTED))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<T, E> {
        T::from_text(value).ok_or_else(|| E::custom(T::EXPECTED))
    }
}

/// The integer that a double holds exactly, as JavaScript may write one.
fn exact(value: f64) -> Option<i128> {
    #[expect(clippy::cast_possible_truncation, reason = "checked: whole and below 2^64")]
    (value.fract() == 0.0 && value.abs() < 18_446_744_073_709_551_616.0).then_some(value as i128)
}

macro_rules! integer {
    ($($type:ty),*) => {$(
        impl FromJson for $type {
            const EXPECTED: &'static str = concat!("expected ", stringify!($type), " as a number or a string");
            fn from_integer(value: i128) -> Option<Self> {
                value.try_into().ok()
            }
            fn from_double(value: f64) -> Option<Self> {
                exact(value)?.try_into().ok()
            }
            fn from_text(value: &str) -> Option<Self> {
                value.parse().ok()
            }
        }

        impl Number for $type {
            fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }

            fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(Shapes(PhantomData))
            }
        }
    )*};
}

integer!(u64, i64);

impl FromJson for f64 {
    const EXPECTED: &'static str = "expected a number, or one of the strings NaN, Infinity, -Infinity";

    #[expect(clippy::cast_precision_loss, reason = "a JSON number in a double field is a double")]
    fn from_integer(value: i128) -> Option<Self> {
        Some(value as Self)
    }

    fn from_double(value: f64) -> Option<Self> {
        Some(value)
    }

    fn from_text(value: &str) -> Option<Self> {
        value.parse().ok()
    }
}

impl Number for f64 {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.is_finite() {
            serializer.serialize_f64(*self)
        } else if self.is_nan() {
            serializer.serialize_str("NaN")
        } else {
            serializer.serialize_str(if *self > 0.0 { "Infinity" } else { "-Infinity" })
        }
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Shapes(PhantomData))
    }
}

/// Trace and span ids: hexadecimal of either case.
pub(crate) mod hexadecimal {
    use super::{Deserialize, Deserializer, Error, Serializer};
    use std::borrow::Cow;

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(bytes))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = Option::<Cow<'de, str>>::deserialize(deserializer)?.unwrap_or_default();
        hex::decode(text.as_ref()).map_err(D::Error::custom)
    }
}

/// Bytes as proto3 has them: base64, the standard alphabet or the one for URLs, padded or not.
pub(crate) mod base64 {
    use super::{Deserialize, Deserializer, Error, Serializer};
    use ::base64::Engine;
    use ::base64::alphabet::{STANDARD, URL_SAFE};
    use ::base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
    use std::borrow::Cow;

    const LENIENT: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    const PLAIN: GeneralPurpose = GeneralPurpose::new(&STANDARD, LENIENT);
    const URL: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, LENIENT);

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&PLAIN.encode(bytes))
    }

    pub(crate) fn decode(text: &str) -> Result<Vec<u8>, ::base64::DecodeError> {
        PLAIN.decode(text).or_else(|error| URL.decode(text).map_err(|_| error))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = Option::<Cow<'de, str>>::deserialize(deserializer)?.unwrap_or_default();
        decode(&text).map_err(D::Error::custom)
    }
}
