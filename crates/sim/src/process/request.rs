//! A person's requests, which `core` works out and judges as on a real host.

use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use archipelago_core::desired::Desired;
use archipelago_core::name::AppId;
use archipelago_core::observed::{Podman, Unreachable};
use archipelago_core::operation::{Definition, Preflight, Proposal, Refusal, Request, propose};

use crate::apps::{ASKED, SHOP, files_of, newer_bases};
use crate::script::intervention::Intervention;
use crate::world::state::World;

type Proposed = Result<Arc<Proposal>, Arc<Refusal>>;

thread_local! {
    /// The answers by a hash of their inputs, because each parses the definitions of all apps.
    static CACHE: RefCell<HashMap<u64, Proposed>> = RefCell::new(HashMap::new());
}

/// The cache is emptied at this number of entries.
const CACHE_MAX: usize = 2048;

impl World {
    /// The operation of a command, as it would be; `None` for an intervention that is no command,
    /// and for a request that is refused. The person agrees to every grant.
    pub(crate) fn proposal_of(&mut self, intervention: &Intervention) -> Option<Arc<Proposal>> {
        let request = request_of(intervention)?;
        let proposed = self
            .proposed(intervention, request)
            .and_then(|proposal| self.judged(proposal));
        if let Err(refusal) = &proposed {
            self.log(|| format!("refused: {refusal}"));
        }
        let proposal = proposed.ok()?;
        let intent = proposal.intent.as_ref();
        self.has_agreed |= intent.is_some_and(|intent| intent.allow.contains(ASKED));
        Some(proposal)
    }

    fn proposed(&self, intervention: &Intervention, request: Request) -> Proposed {
        let keeps_data = self.keeps_data(request.app());
        let mut hasher = DefaultHasher::new();
        (self.hash_of_files(), keeps_data).hash(&mut hasher);
        format!("{intervention:?}").hash(&mut hasher);
        let key = hasher.finish();
        if let Some(proposed) = CACHE.with_borrow(|cache| cache.get(&key).cloned()) {
            return proposed;
        }
        let proposed = propose(request, &self.inputs_with_images(), keeps_data);
        let proposed = proposed.map(Arc::new).map_err(Arc::new);
        CACHE.with_borrow_mut(|cache| {
            if cache.len() >= CACHE_MAX {
                cache.clear();
            }
            cache.insert(key, proposed.clone());
        });
        proposed
    }

    fn judged(&self, proposal: Arc<Proposal>) -> Proposed {
        let Some(installation) = proposal.installation() else {
            return Ok(proposal);
        };
        let desired = Desired::of_one(&self.layout, &proposal.app, &installation.present);
        let mut names = self.observe_now(&desired);
        names.podman = match self.podman.view() {
            _ if !installation.asks_podman() => Podman::Unasked,
            Ok(view) => Podman::Answered(view),
            Err(cause) => Podman::Unreachable(Unreachable::Refused(cause.to_string())),
        };
        let preflight = Preflight {
            names,
            ..Preflight::default()
        };
        proposal.judge(&self.layout, &preflight)?;
        Ok(proposal)
    }
}

fn request_of(intervention: &Intervention) -> Option<Request> {
    let id = |app: &str| AppId::parse(app).ok();
    Some(match intervention {
        Intervention::Install(app, version) => Request::Install {
            definition: Box::new(definition(app, *version)?),
            settings: Vec::new(),
        },
        Intervention::SetPort(port) => Request::Set {
            app: id(SHOP)?,
            settings: vec![("port".to_owned(), port.to_string())],
        },
        Intervention::Start(app) => Request::Start(id(app)?),
        Intervention::Stop(app) => Request::Stop(id(app)?),
        Intervention::Restart(app) => Request::Restart(id(app)?),
        Intervention::Rebuild => Request::Rebuild {
            app: id(SHOP)?,
            found: Some(newer_bases()),
        },
        Intervention::Uninstall(app) => Request::Uninstall {
            app: id(app)?,
            purge: false,
        },
        Intervention::Purge(app) => Request::Uninstall {
            app: id(app)?,
            purge: true,
        },
        _ => return None,
    })
}

/// An app's folder as the command finds it.
fn definition(app: &str, version: u8) -> Option<Definition> {
    let folder = format!("/home/op/apps/{app}");
    Definition::of(files_of(app, version), app, folder.clone(), folder).ok()
}
