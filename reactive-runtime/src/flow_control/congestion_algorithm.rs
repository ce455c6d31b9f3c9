//! The algorithms by name.

use std::fmt;
use std::str::FromStr;

/// Which algorithm a [`FlowControlConfig`](super::FlowControlConfig) asks for.
///
/// As text it is its name: `"cubic"`, in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(try_from = "std::borrow::Cow<'_, str>", into = "&'static str")
)]
pub enum CongestionAlgorithm {
    /// [`Aimd`](super::Aimd): additive increase, multiplicative decrease.
    Aimd,
    /// [`Cubic`](super::Cubic): as RFC 9438.
    Cubic,
    /// [`Bbr`](super::Bbr): bottleneck bandwidth and round-trip time.
    Bbr,
    /// [`Adaptive`](super::Adaptive): service rate and starvation.
    #[default]
    Adaptive,
    /// [`Vegas`](super::Vegas): items that wait.
    Vegas,
    /// [`Gradient2`](super::Gradient2): the trend of latency.
    Gradient2,
}

impl CongestionAlgorithm {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Aimd, Self::Cubic, Self::Bbr, Self::Adaptive, Self::Vegas, Self::Gradient2];

    /// Its name: `cubic`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Aimd => "aimd",
            Self::Cubic => "cubic",
            Self::Bbr => "bbr",
            Self::Adaptive => "adaptive",
            Self::Vegas => "vegas",
            Self::Gradient2 => "gradient2",
        }
    }
}

impl fmt::Display for CongestionAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl From<CongestionAlgorithm> for &'static str {
    fn from(algorithm: CongestionAlgorithm) -> Self {
        algorithm.name()
    }
}

impl FromStr for CongestionAlgorithm {
    type Err = UnknownAlgorithm;

    /// Reads a name, in any case.
    fn from_str(text: &str) -> Result<Self, UnknownAlgorithm> {
        let name = text.trim().to_lowercase();
        let found = Self::ALL.into_iter().find(|algorithm| algorithm.name() == name);
        found.ok_or_else(|| UnknownAlgorithm(text.to_owned()))
    }
}

#[cfg(feature = "serde")]
impl TryFrom<std::borrow::Cow<'_, str>> for CongestionAlgorithm {
    type Error = UnknownAlgorithm;

    fn try_from(text: std::borrow::Cow<'_, str>) -> Result<Self, UnknownAlgorithm> {
        text.parse()
    }
}

/// This is no name of a [`CongestionAlgorithm`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownAlgorithm(String);

impl fmt::Display for UnknownAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = CongestionAlgorithm::ALL.map(CongestionAlgorithm::name).join(", ");
        write!(f, "`{}` is no congestion algorithm; there are {names}", self.0)
    }
}

impl std::error::Error for UnknownAlgorithm {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_its_names() {
        for algorithm in CongestionAlgorithm::ALL {
            assert_eq!(algorithm.name().to_uppercase().parse(), Ok(algorithm));
        }
        assert_eq!(
            "reno".parse::<CongestionAlgorithm>().unwrap_err().to_string(),
            "`reno` is no congestion algorithm; there are aimd, cubic, bbr, adaptive, vegas, gradient2",
        );
    }
}
