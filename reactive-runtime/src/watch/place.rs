use crate::plan::{Plan, PlanEntry};

/// What a meter watches: the source of a pipeline, a stage, a run of steps that are fused, or the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    plan: &'static Plan,
    stages: Option<(usize, usize)>,
    is_terminal: bool,
}

impl Place {
    pub(super) fn source(plan: &'static Plan) -> Self {
        Self { plan, stages: None, is_terminal: false }
    }

    pub(super) fn stages(plan: &'static Plan, first: usize, last: usize) -> Self {
        Self { plan, stages: Some((first, last)), is_terminal: false }
    }

    pub(super) fn terminal(plan: &'static Plan, at: usize) -> Self {
        Self { is_terminal: true, ..Self::stages(plan, at, at) }
    }

    /// The pipeline.
    pub fn plan(&self) -> &'static Plan {
        self.plan
    }

    /// Its stages in the plan: none of the source, several of a run of steps.
    pub fn entries(&self) -> &'static [PlanEntry] {
        self.stages.map_or(&[], |(first, last)| &self.plan.stages[first..=last])
    }

    /// The name of the operator, `map |> filter` of a run of steps; the text of the source.
    pub fn name(&self) -> String {
        match self.entries() {
            [] => self.plan.source.to_owned(),
            entries => entries.iter().map(|entry| entry.name).collect::<Vec<_>>().join(" |> "),
        }
    }

    /// As it was written.
    pub fn text(&self) -> String {
        match self.entries() {
            [] => self.plan.source.to_owned(),
            entries => entries.iter().map(|entry| entry.source).collect::<Vec<_>>().join(" |> "),
        }
    }

    /// The line where it begins, from 1; 0 where the compiler does not tell.
    pub fn line(&self) -> u32 {
        self.entries().first().map_or(self.plan.line, |entry| entry.line)
    }

    /// Whether it is the source.
    pub fn is_source(&self) -> bool {
        self.stages.is_none()
    }

    /// Whether it is the terminal.
    pub fn is_terminal(&self) -> bool {
        self.is_terminal
    }
}
