//! The algorithm that a configuration names.

use super::{
    Adaptive, Aimd, Algorithm, Bbr, Completion, CongestionAlgorithm, Cubic, Decision, FlowControlConfig,
    Gradient2, Signals, Vegas,
};

/// One of the algorithms: made by [`FlowControlConfig::algorithm`].
#[derive(Clone, Debug)]
pub enum Selected {
    /// [`Aimd`].
    Aimd(Aimd),
    /// [`Cubic`].
    Cubic(Cubic),
    /// [`Bbr`].
    Bbr(Bbr),
    /// [`Adaptive`].
    Adaptive(Adaptive),
    /// [`Vegas`].
    Vegas(Vegas),
    /// [`Gradient2`].
    Gradient2(Gradient2),
}

impl FlowControlConfig {
    /// The algorithm that [`congestion_algorithm`](Self::congestion_algorithm) names, with this configuration.
    ///
    /// # Panics
    ///
    /// If [`validate`](Self::validate) refuses it.
    #[track_caller]
    pub fn algorithm(&self) -> Selected {
        match self.congestion_algorithm {
            CongestionAlgorithm::Aimd => Selected::Aimd(Aimd::with_config(self)),
            CongestionAlgorithm::Cubic => Selected::Cubic(Cubic::with_config(self)),
            CongestionAlgorithm::Bbr => Selected::Bbr(Bbr::with_config(self)),
            CongestionAlgorithm::Adaptive => Selected::Adaptive(Adaptive::with_config(self)),
            CongestionAlgorithm::Vegas => Selected::Vegas(Vegas::with_config(self)),
            CongestionAlgorithm::Gradient2 => Selected::Gradient2(Gradient2::with_config(self)),
        }
    }
}

/// Evaluates `$call` with `$it` as the algorithm within.
macro_rules! within {
    ($selected:expr, $it:ident => $call:expr) => {
        match $selected {
            Selected::Aimd($it) => $call,
            Selected::Cubic($it) => $call,
            Selected::Bbr($it) => $call,
            Selected::Adaptive($it) => $call,
            Selected::Vegas($it) => $call,
            Selected::Gradient2($it) => $call,
        }
    };
}

impl Algorithm for Selected {
    fn on_complete(&mut self, completion: &Completion) -> Option<Decision> {
        within!(self, it => it.on_complete(completion))
    }

    fn on_interval(&mut self, signals: &Signals) -> Decision {
        within!(self, it => it.on_interval(signals))
    }

    fn congestion_events(&self) -> u64 {
        within!(self, it => it.congestion_events())
    }

    fn config(&self) -> Option<&FlowControlConfig> {
        within!(self, it => it.config())
    }

    fn prediction_active(&self) -> bool {
        within!(self, it => it.prediction_active())
    }

    fn capacity_estimate(&self) -> Option<f64> {
        within!(self, it => it.capacity_estimate())
    }
}
