//! The forecast of a request before it is carried out.

use std::time::Duration;

use crate::action::Reason;
use crate::desired::{Apps, Inputs, assemble};
use crate::forecast::{Forecast, forecast};
use crate::observed::Observed;
use crate::plan::running_invocations;
use crate::reconcile::Reconciler;
use crate::releases::Releases;

use super::{Kind, Proposal};

impl Proposal {
    /// The inputs as the operation would leave them.
    #[must_use]
    pub fn applied_to(&self, inputs: &Inputs) -> Inputs {
        let mut inputs = inputs.clone();
        let app = &self.app;
        if let Some(installation) = self.installation() {
            let files = installation.files.clone();
            inputs.definitions.insert(app.clone(), files);
        }
        if let Some(intent) = &self.intent {
            inputs.intents.insert(app.clone(), Ok(intent.clone()));
            inputs.releases = Releases::of(
                &inputs.layout,
                &inputs.intents,
                &inputs.definitions,
                inputs.releases.named.take(),
            );
        }
        inputs
    }

    /// The passes that would follow. `observed` is the host now, looked at for what is
    /// [wanted](crate::forecast::wanted) then; `inputs` are those of [`Proposal::applied_to`].
    #[must_use]
    pub fn foresee(
        &self,
        inputs: Inputs,
        mut observed: Observed,
        mut reconciler: Reconciler,
        now: Duration,
    ) -> Forecast {
        let desired = assemble(&inputs, &Apps::read(&inputs));
        // An operation tries at once what has failed before.
        reconciler.retry_now(&desired, &self.app);
        if self.kind == Kind::Restart {
            let invocations = running_invocations(&desired, &observed, &self.app);
            for (service, invocation) in invocations {
                let memory = &mut observed.memory;
                memory.must_end(&service, invocation, Reason::RestartAsked);
            }
        }
        forecast(inputs, observed, reconciler, now)
    }
}
