//! The fields of configs: their setters, and how they are read. What is left out has its default, and a name that is not
//! known is told with the one that was meant.

/// A setter for each field, by value: `setters! { Config: size: usize, wait: Duration }`.
macro_rules! setters {
    ($config:ident: $($name:ident: $type:ty),+ $(,)?) => {
        impl $config {
            $(
                #[doc = concat!("With another [`", stringify!($name), "`](Self#structfield.", stringify!($name), ").")]
                #[must_use]
                pub fn $name(mut self, $name: $type) -> Self {
                    self.$name = $name;
                    self
                }
            )+
        }
    };
}

pub(crate) use setters;

/// Implements `Deserialize` for a config that has defaults: `reads_fields! { Config: size, wait as TextOrSeconds }`.
#[cfg(feature = "serde")]
macro_rules! reads_fields {
    ($config:ident: $($field:ident $(as $read:ty)?),+ $(,)?) => {
        impl<'de> serde::Deserialize<'de> for $config {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                const FIELDS: &[&str] = &[$(stringify!($field)),+];

                struct Fields;

                impl<'de> serde::de::Visitor<'de> for Fields {
                    type Value = $config;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str(concat!("the fields of a `", stringify!($config), "`"))
                    }

                    fn visit_map<A: serde::de::MapAccess<'de>>(
                        self,
                        mut map: A,
                    ) -> Result<$config, A::Error> {
                        let (mut config, mut seen) = (<$config>::default(), Vec::new());
                        while let Some(name) = map.next_key::<String>()? {
                            if seen.contains(&name) {
                                let problem = format_args!("duplicate field `{name}`").to_string();
                                return Err(serde::de::Error::custom(problem));
                            }
                            match name.as_str() {
                                $(stringify!($field) => {
                                    config.$field = $crate::config::fields::reads_fields!(@value map $($read)?);
                                })+
                                unknown => {
                                    let problem = $crate::config::fields::unknown_field(unknown, FIELDS);
                                    return Err(serde::de::Error::custom(problem));
                                }
                            }
                            seen.push(name);
                        }
                        Ok(config)
                    }
                }

                from.deserialize_struct(stringify!($config), FIELDS, Fields)
            }
        }
    };
    (@value $map:ident) => {
        $map.next_value()?
    };
    (@value $map:ident $read:ty) => {
        $map.next_value::<$read>()?.into()
    };
}

#[cfg(feature = "serde")]
pub(crate) use reads_fields;

/// A duration that is read as text or as seconds.
#[cfg(feature = "serde")]
#[derive(serde::Deserialize)]
pub(crate) struct TextOrSeconds(#[serde(with = "super::duration")] std::time::Duration);

#[cfg(feature = "serde")]
impl From<TextOrSeconds> for std::time::Duration {
    fn from(TextOrSeconds(duration): TextOrSeconds) -> Self {
        duration
    }
}

/// What is wrong with a name that no field has.
#[cfg(any(test, feature = "serde"))]
pub(crate) fn unknown_field(name: &str, fields: &[&str]) -> String {
    let nearest = fields.iter().map(|field| (edits(name, field), field)).min();
    match nearest {
        Some((edits, field)) if edits <= name.chars().count() / 3 => {
            format!("unknown field `{name}`: did you mean `{field}`?")
        }
        _ => {
            let known = fields.iter().map(|field| format!("`{field}`")).collect::<Vec<_>>().join(", ");
            format!("unknown field `{name}`: there are {known}")
        }
    }
}

/// How many letters have to be put in, left out or replaced to make one name of the other.
#[cfg(any(test, feature = "serde"))]
fn edits(one: &str, other: &str) -> usize {
    let other = other.chars().collect::<Vec<_>>();
    let mut row = (0..=other.len()).collect::<Vec<_>>();
    for (i, letter) in one.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, same) in other.iter().map(|other| letter == *other).enumerate() {
            let replaced = diagonal + usize::from(!same);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_edits() {
        for (one, other, expected) in [
            ("", "abc", 3),
            ("abc", "abc", 0),
            ("abc", "axc", 1),
            ("bufer", "buffer", 1),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!((edits(one, other), edits(other, one)), (expected, expected), "{one} {other}");
        }
    }

    #[test]
    fn asks_whether_the_nearest_name_was_meant() {
        let fields = ["buffer_size", "batch_size"];
        assert_eq!(
            unknown_field("bufer_size", &fields),
            "unknown field `bufer_size`: did you mean `buffer_size`?"
        );
        assert_eq!(
            unknown_field("colour", &fields),
            "unknown field `colour`: there are `buffer_size`, `batch_size`"
        );
    }
}
